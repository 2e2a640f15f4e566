//! The plan against several servers by turns: each measure is made on one after the other, then again, so that whatever
//! else the machine does meets all of them alike.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::objects::Kind;
use crate::peer::Launcher;
use crate::phase::{Sample, Seat};
use crate::plan::{Measure, Size};
use crate::report::{Figure, Line};

/// How the plan is run.
pub struct Run {
    pub measures: Vec<Measure>,
    /// The bare server last: its answers are as long as those of the others.
    pub launchers: Vec<Launcher>,
    /// The kind that each of them serves.
    pub kinds: Vec<Kind>,
    pub size: Size,
    pub rounds: usize,
    pub time: Duration,
}

impl Run {
    /// Makes all measures. `progress` is told of each before it is begun.
    pub async fn run(self, mut progress: impl FnMut(&str)) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        let mut seats = Vec::new();
        let mut stored = 0;
        for (launcher, kind) in self.launchers.iter().zip(&self.kinds) {
            progress(&format!("starting {}", launcher.name));
            let peer = Some(launcher.start().await?);
            seats.push(Seat { launcher: launcher.clone(), peer, kind: kind.clone() });
        }
        let begin = Instant::now();
        for (number, measure) in self.measures.iter().enumerate() {
            if measure.objects > stored {
                for seat in &seats {
                    if !seat.launcher.is_bare() {
                        progress(&format!("creating {} objects on {}", measure.objects - stored, seat.launcher.name));
                        seat.seed(stored, measure.objects).await?;
                    }
                }
                stored = measure.objects;
            }
            let seconds = begin.elapsed().as_secs();
            progress(&format!("{seconds:>4} s  {}/{}  {}", number + 1, self.measures.len(), measure.name));
            lines.push(self.line(measure, &mut seats, &mut progress).await);
        }
        Ok(lines)
    }

    async fn line(&self, measure: &Measure, seats: &mut [Seat], progress: &mut impl FnMut(&str)) -> Line {
        let extent = measure.extent(self.size, self.time);
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); seats.len()];
        let mut answer_bytes = None;
        for _ in 0..self.rounds {
            for (seat, samples) in seats.iter_mut().zip(&mut samples) {
                match seat.sample(measure.phase, extent, answer_bytes).await {
                    Ok(None) => {}
                    Ok(Some(sample)) => {
                        if !seat.launcher.is_bare() && answer_bytes.is_none() && sample.tally.requests > 0 {
                            answer_bytes = Some(sample.tally.bytes / sample.tally.requests);
                        }
                        samples.push(sample);
                    }
                    Err(error) => {
                        let mut sample = Sample::default();
                        sample.tally.fail(format!("{error:#}"));
                        samples.push(sample);
                    }
                }
            }
        }
        let mut line = Line::new(measure);
        for (seat, samples) in seats.iter().zip(samples) {
            if let Some(figure) = Figure::of(measure.unit, &samples) {
                if let Some(error) = &figure.first_error {
                    progress(&format!("ERROR in {} on {}: {error}", measure.name, seat.launcher.name));
                }
                line.figures.insert(seat.launcher.name.clone(), figure);
            }
        }
        line
    }
}

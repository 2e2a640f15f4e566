//! Events that repeat: one object with a count, and few writes. No IO, and time is given.
//!
//! The first repetitions are written at once, so that people see a series; further ones are counted here and written now and
//! then, much as in client-go. Source:
//! <https://github.com/kubernetes/client-go/blob/master/tools/events/event_broadcaster.go>

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

/// How long after its last repetition a series is over.
pub(super) const SERIES_END: Duration = Duration::from_secs(6 * 60);

/// How long repetitions are counted before they are written. client-go waits half an hour; a minute is what a person
/// watches for.
pub(super) const REFRESH: Duration = Duration::from_secs(60);

/// Up to this count, each repetition is written at once.
const AT_ONCE: i32 = 10;

/// The series under way.
#[derive(Default)]
pub(super) struct AllSeries(HashMap<Key, Series>);

/// What makes two events one: everything but the note.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    controller: String,
    type_: String,
    reason: String,
    action: String,
    regarding: [String; 3],
    related: [String; 3],
}

struct Series {
    event: Event,
    last: Instant,
    written: Instant,
    unwritten: bool,
}

/// What is to be written.
#[derive(Debug)]
pub(super) enum Write {
    /// An event that is new.
    Create(Event),
    /// The series of one that was written before.
    Count(Event),
    Nothing,
}

impl AllSeries {
    /// `event` has happened.
    pub(super) fn note(&mut self, event: Event, now: Instant) -> Write {
        match self.0.entry(key(&event)) {
            Entry::Occupied(mut known) if now.saturating_duration_since(known.get().last) < SERIES_END => {
                let series = known.get_mut();
                let count = series.event.series.as_ref().map_or(1, |series| series.count).saturating_add(1);
                let last_observed_time = event.event_time.unwrap_or(MicroTime(jiff::Timestamp::now()));
                series.event.series = Some(EventSeries { count, last_observed_time });
                series.last = now;
                if count <= AT_ONCE || now.saturating_duration_since(series.written) >= REFRESH {
                    (series.unwritten, series.written) = (false, now);
                    Write::Count(series.event.clone())
                } else {
                    series.unwritten = true;
                    Write::Nothing
                }
            }
            entry => {
                entry.insert_entry(Series { event: event.clone(), last: now, written: now, unwritten: false });
                Write::Create(event)
            }
        }
    }

    /// The event as the server has it is forgotten: the next like it is a new one.
    pub(super) fn forget(&mut self, event: &Event) {
        self.0.remove(&key(event));
    }

    /// The counts that have waited long enough, or all of them; forgets series that are over.
    pub(super) fn due(&mut self, all: bool, now: Instant) -> Vec<Event> {
        let mut due = Vec::new();
        self.0.retain(|_, series| {
            let over = now.saturating_duration_since(series.last) >= SERIES_END;
            let waited = now.saturating_duration_since(series.written) >= REFRESH;
            if series.unwritten && (all || over || waited) {
                (series.unwritten, series.written) = (false, now);
                due.push(series.event.clone());
            }
            !over
        });
        due
    }
}

fn key(event: &Event) -> Key {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let place = |object: &Option<ObjectReference>| {
        object.as_ref().map_or_else(Default::default, |object| {
            // The uid alone would do, if all had one.
            let kind = format!("{}/{}", text(&object.api_version), text(&object.kind));
            [kind, format!("{}/{}", text(&object.namespace), text(&object.name)), text(&object.uid)]
        })
    };
    Key {
        controller: text(&event.reporting_controller),
        type_: text(&event.type_),
        reason: text(&event.reason),
        action: text(&event.action),
        regarding: place(&event.regarding),
        related: place(&event.related),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, note: &str) -> Event {
        let regarding = ObjectReference { name: Some(name.to_owned()), ..ObjectReference::default() };
        Event { regarding: Some(regarding), note: Some(note.to_owned()), ..Event::default() }
    }

    fn told(event: &Event) -> String {
        let name = event.regarding.as_ref().and_then(|object| object.name.clone()).unwrap_or_default();
        format!("{name} {}", event.series.as_ref().map_or(1, |series| series.count))
    }

    /// What is written when `name` has an event so many seconds after the first.
    #[track_caller]
    fn check(all: &mut AllSeries, begin: Instant, at: u64, name: &str, expect: &str) {
        let written = match all.note(event(name, "of any text"), begin + Duration::from_secs(at)) {
            Write::Create(event) => format!("+{}", told(&event)),
            Write::Count(event) => format!("~{}", told(&event)),
            Write::Nothing => String::new(),
        };
        assert_eq!(written, expect, "{name} at {at} s");
    }

    #[test]
    fn repetitions_are_counted_and_written_now_and_then() {
        let (mut all, begin) = (AllSeries::default(), Instant::now());
        let due = |all: &mut AllSeries, at: u64, every: bool| {
            all.due(every, begin + Duration::from_secs(at)).iter().map(told).collect::<Vec<_>>().join(", ")
        };
        check(&mut all, begin, 0, "oak", "+oak 1");
        for count in 2..=10 {
            check(&mut all, begin, 1, "oak", &format!("~oak {count}"));
        }
        check(&mut all, begin, 2, "oak", "");
        check(&mut all, begin, 3, "elm", "+elm 1");
        check(&mut all, begin, 4, "oak", "");
        assert_eq!(due(&mut all, 5, false), "");
        assert_eq!(due(&mut all, 61, false), "oak 12");
        check(&mut all, begin, 62, "oak", "");
        check(&mut all, begin, 121, "oak", "~oak 14");
        check(&mut all, begin, 122, "oak", "");
        assert_eq!(due(&mut all, 123, true), "oak 15");
        // Six minutes of silence end a series.
        check(&mut all, begin, 363, "elm", "+elm 1");
        check(&mut all, begin, 481, "oak", "~oak 16");
        all.forget(&event("oak", ""));
        check(&mut all, begin, 482, "oak", "+oak 1");
        assert_eq!(due(&mut all, 2000, false), "");
        assert!(all.0.is_empty());
    }
}

//! Whether memory still grows.

/// A server fills its caches first: only what comes after half of the time counts.
const WINDOWS: usize = 5;

/// How much more the last window may have than the first.
const SHARE: f64 = 0.05;
const BYTES: f64 = (4 << 20) as f64;

/// Compares medians of windows of the last half, so that a moment's peak decides nothing.
pub fn growth(samples: &[u64]) -> Option<String> {
    let half = &samples[samples.len() / 2..];
    let width = half.len() / WINDOWS;
    if width == 0 {
        return None;
    }
    let medians: Vec<f64> = half.chunks_exact(width).take(WINDOWS).map(median).collect();
    let (first, last) = (medians.first()?, medians.last()?);
    // A server that has levelled off now and then gives some back.
    let rises = medians.windows(2).filter(|pair| pair[1] > pair[0]).count();
    let grows = last - first > first * SHARE + BYTES && rises + 1 >= WINDOWS - 1;
    let mib: Vec<String> = medians.iter().map(|bytes| format!("{:.1}", bytes / f64::from(1 << 20))).collect();
    grows.then(|| format!("memory still grows in the last half of the time: {} MiB", mib.join(", ")))
}

fn median(window: &[u64]) -> f64 {
    let mut window = window.to_vec();
    window.sort_unstable();
    window[window.len() / 2] as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_from_noise() {
        let check = |name: &str, mib: &dyn Fn(u64) -> u64, expected: bool| {
            let samples: Vec<u64> = (0..100).map(|second| mib(second) << 20).collect();
            assert_eq!(growth(&samples).is_some(), expected, "{name}");
        };
        check("level", &|_| 100, false);
        check("filling up first", &|second| second.min(40) + 50, false);
        check("a leak", &|second| 100 + second, true);
        check("ups and downs", &|second| 100 + 30 * (second / 10 % 2), false);
        check("one step", &|second| if second > 75 { 130 } else { 100 }, false);
        assert_eq!(growth(&[]), None);
    }
}

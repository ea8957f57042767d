//! Numbers for people.

use std::time::Duration;

/// A span of time.
pub(crate) fn span(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// A number of bytes.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1 << 10 {
        format!("{bytes} bytes")
    } else if bytes < 1 << 20 {
        format!("{} KiB", bytes >> 10)
    } else {
        format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        assert_eq!(span(Duration::from_millis(999)), "999 ms");
        assert_eq!(span(Duration::from_millis(1_250)), "1.2 s");
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(512 * 1024), "512 KiB");
        assert_eq!(size(2 << 20), "2.0 MiB");
    }
}

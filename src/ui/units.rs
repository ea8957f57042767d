//! Numbers for people.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// A span of time.
pub(crate) fn span(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// A span of time of minutes and hours, of which nobody wants to know the seconds.
pub(crate) fn long_span(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{} s", time.as_secs()),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// A point in time, to the second.
pub(crate) fn moment(time: SystemTime) -> String {
    // Times that no date can be given for are far beyond what any credential lasts.
    Timestamp::try_from(time)
        .map_or_else(|_| "never".to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
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
    fn long_spans_have_no_seconds() {
        assert_eq!(long_span(Duration::from_secs(42)), "42 s");
        assert_eq!(long_span(Duration::from_secs(12 * 60 + 59)), "12 min");
        assert_eq!(long_span(Duration::from_mins(90)), "1 h 30 min");
        assert_eq!(long_span(Duration::from_hours(12)), "12 h");
    }

    #[test]
    fn moments_are_in_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_999);
        assert_eq!(moment(time), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(512 * 1024), "512 KiB");
        assert_eq!(size(2 << 20), "2.0 MiB");
    }
}

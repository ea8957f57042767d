//! Times as AWS writes them.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Reads a time with any offset, such as `2026-11-21T10:00:00Z` or `…+00:00`; also with `UTC` at
/// its end, as older caches of the AWS CLI have it.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let text = text.strip_suffix("UTC").map_or_else(|| text.to_owned(), |time| format!("{time}Z"));
    DateTime::from_str(&text, Format::DateTimeWithOffset)
        .ok()
        .and_then(|time| SystemTime::try_from(time).ok())
}

/// Writes a time to the second, in UTC.
pub(crate) fn format(time: SystemTime) -> String {
    let seconds = DateTime::from_secs(DateTime::from(time).secs());
    // Only a year beyond 9999 cannot be written.
    seconds.fmt(Format::DateTime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_forms_of_the_cli_and_its_caches_are_one_time() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let text = format(time);
        assert_eq!(text, "2026-11-18T11:06:40Z");
        let plain = text.trim_end_matches('Z');
        for form in
            [text.clone(), format!("{plain}UTC"), format!("{plain}+00:00"), format!("{plain}.000Z")]
        {
            assert_eq!(parse(&form), Some(time), "{form}");
        }
        assert_eq!(parse("soon"), None);
    }
}

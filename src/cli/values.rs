//! Values that take more than a number or a name.

use std::net::{Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::ops::RangeInclusive;
use std::time::Duration;

use adit_aws::bastion::ExistingSpec;
use adit_aws::targets::{Kind, TargetSpec};
use adit_lab::HostPort;

/// Which local port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalPort {
    /// Exactly this one.
    Fixed(u16),
    /// The first of these that is free.
    Range(RangeInclusive<u16>),
    /// Any that is free.
    Auto,
}

/// Reads a port.
pub(crate) fn parse_port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|&port| port > 0).ok_or("expected a port from 1 to 65535".to_owned())
}

/// Reads `N`, `A-B` or `auto`.
pub(crate) fn parse_local_port(text: &str) -> Result<LocalPort, String> {
    const EXPECTED: &str = "expected a port from 1 to 65535, a range such as 5432-5440, or auto";
    if text == "auto" || text == "0" {
        return Ok(LocalPort::Auto);
    }
    let port = |text: &str| text.parse().ok().filter(|&port: &u16| port > 0).ok_or(EXPECTED);
    match text.split_once('-') {
        None => Ok(LocalPort::Fixed(port(text)?)),
        Some((first, last)) => {
            let (first, last) = (port(first)?, port(last)?);
            if first > last {
                return Err(format!("the range is empty; did you mean {last}-{first}?"));
            }
            Ok(LocalPort::Range(first..=last))
        }
    }
}

/// Reads a target such as `rds:orders`.
pub(crate) fn parse_target(text: &str) -> Result<TargetSpec, String> {
    text.parse().map_err(|error: adit_aws::targets::SpecError| error.to_string())
}

/// Reads a bastion of the user's own, such as `i-0123456789abcdef0`.
pub(crate) fn parse_bastion(text: &str) -> Result<ExistingSpec, String> {
    text.parse().map_err(|error: adit_aws::bastion::ExistingSpecError| error.to_string())
}

/// Reads a kind of target that can be listed.
pub(crate) fn parse_kind(text: &str) -> Result<Kind, String> {
    match text.parse() {
        // Whatever a VPC reaches, AWS has no list of it.
        Ok(Kind::Host) => Err("hosts cannot be listed; every other kind can".to_owned()),
        Ok(kind) => Ok(kind),
        Err(error) => Err(adit_aws::targets::SpecError::to_string(&error)),
    }
}

/// Reads `KEY=VALUE`; the value may hold more of `=`.
pub(crate) fn parse_tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as team=data".to_owned()),
    }
}

/// Reads a host name or address without a port.
pub(crate) fn parse_host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("expected a host name or an address".to_owned());
    }
    let port = text.rsplit_once(':').filter(|_| text.parse::<Ipv6Addr>().is_err());
    match port {
        None => Ok(text.to_owned()),
        Some((host, port)) => Err(format!("leave the port to --port: --host {host} --port {port}")),
    }
}

/// Reads a time span such as `90s`, `10m` or `1h 30m`.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| "expected a time span such as 90s, 10m or 1h".to_owned())
}

/// Reads a limit: a time span that is not nothing.
pub(crate) fn parse_limit(text: &str) -> Result<Duration, String> {
    match parse_span(text)? {
        span if span < Duration::from_secs(1) => Err("a limit is a second at least".to_owned()),
        span => Ok(span),
    }
}

/// Reads a time span of whole minutes, such as `15m` or `1h`.
pub(crate) fn parse_minutes(text: &str) -> Result<NonZeroU16, String> {
    let span = parse_span(text)?;
    let minutes = u16::try_from(span.as_secs() / 60).ok().and_then(NonZeroU16::new);
    let is_whole = span == Duration::from_mins(span.as_secs() / 60);
    minutes
        .filter(|_| is_whole)
        .ok_or_else(|| "expected whole minutes, such as 15m or 1h".to_owned())
}

/// Reads `HOST:PORT=ADDR`.
pub(crate) fn parse_map(text: &str) -> Result<(HostPort, SocketAddr), String> {
    let (from, to) =
        text.split_once('=').ok_or("expected HOST:PORT=ADDR, such as db:5432=127.0.0.1:5432")?;
    let from = from.parse().map_err(|error| format!("`{from}`: {error}"))?;
    Ok((from, parse_own_address(to)?))
}

/// Reads an address and port of this machine. The lab has no access control worth the name, so it
/// leads nowhere else.
pub(crate) fn parse_own_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("`{text}` is not an address and port"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!("`{text}` is not a loopback address, such as 127.0.0.1:5432"))
    }
}

/// Reads a range of milliseconds, `A-B`.
pub(crate) fn parse_millis_range(text: &str) -> Result<[u64; 2], String> {
    let number = |text: &str| text.parse::<u64>().ok();
    text.split_once('-')
        .and_then(|(first, last)| Some([number(first)?, number(last)?]))
        .filter(|[first, last]| first <= last)
        .ok_or_else(|| "expected a range of milliseconds such as 0-300".to_owned())
}

/// Whether a variable switches something on, as clap reads those of flags.
pub(crate) fn is_on(value: &str) -> bool {
    !["", "0", "n", "no", "f", "false", "off"].contains(&value.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_come_without_a_port() {
        for text in ["db.internal", "10.0.0.7", "2001:db8::7", "_srv"] {
            assert_eq!(parse_host(text).as_deref(), Ok(text));
        }
        let refusal = parse_host("db.internal:5432").unwrap_err();
        assert!(refusal.contains("--port 5432"), "{refusal}");
        for text in ["", " ", "a b", "a\nb", "[2001:db8::7]:5432"] {
            assert!(parse_host(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_idle_time_has_whole_minutes() {
        assert_eq!(parse_minutes("15m").map(NonZeroU16::get), Ok(15));
        assert_eq!(parse_minutes("1h 30m").map(NonZeroU16::get), Ok(90));
        for text in ["0s", "90s", "30s", "2000h"] {
            assert!(parse_minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tag_is_split_at_the_first_sign() {
        let pair = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(parse_tag("team=data"), pair("team", "data"));
        assert_eq!(parse_tag("query=a=b"), pair("query", "a=b"));
        assert_eq!(parse_tag("empty="), pair("empty", ""));
        for text in ["", "team", "=data"] {
            assert!(parse_tag(text).is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_are_those_that_aws_can_list() {
        assert_eq!(parse_kind("rds-proxy"), Ok(Kind::RdsProxy));
        assert!(parse_kind("host").unwrap_err().contains("cannot be listed"));
        assert!(parse_kind("rsd").unwrap_err().contains("rds"));
    }

    #[test]
    fn a_local_port_is_a_number_a_range_or_auto() {
        assert_eq!(parse_local_port("5432"), Ok(LocalPort::Fixed(5432)));
        assert_eq!(parse_local_port("5432-5440"), Ok(LocalPort::Range(5432..=5440)));
        assert_eq!(parse_local_port("auto"), Ok(LocalPort::Auto));
        assert_eq!(parse_local_port("0"), Ok(LocalPort::Auto));
        for text in ["", "-", "5440-5432", "1-", "-1", "65536", "0-5", "five"] {
            assert!(parse_local_port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_has_units_and_no_sign() {
        assert_eq!(parse_span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_span("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(parse_span("1h 30m"), Ok(Duration::from_mins(90)));
        for text in ["", "10", "-10m", "soon"] {
            assert!(parse_span(text).is_err(), "{text}");
            assert!(parse_minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_map_leads_a_name_to_an_address() {
        let (from, to) = parse_map("db.internal:5432=127.0.0.1:1").unwrap();
        assert_eq!((from.to_string().as_str(), to.port()), ("db.internal:5432", 1));
        for text in ["db.internal:5432", "db=127.0.0.1:1", "db:1=localhost"] {
            assert!(parse_map(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_map_leads_to_this_machine() {
        for text in ["db:1=10.0.0.1:1", "db:1=0.0.0.0:1", "db:1=[::]:1", "db:1=[fd00::1]:1"] {
            assert!(parse_map(text).unwrap_err().contains("loopback"), "{text}");
        }
        assert!(parse_own_address("[::1]:5432").is_ok());
        assert!(parse_own_address("127.1.2.3:5432").is_ok());
    }

    #[test]
    fn a_range_of_milliseconds_ascends() {
        assert_eq!(parse_millis_range("0-300"), Ok([0, 300]));
        assert!(parse_millis_range("300-0").is_err());
        assert!(parse_millis_range("300").is_err());
    }
}

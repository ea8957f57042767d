use std::fmt;
use std::time::Duration;

/// How long a token opens a channel. What the service grants is not known.
const LIFETIME: Duration = Duration::from_mins(5);

/// The token that opens a channel: good once, for a while, and only until the next is issued.
#[derive(Default)]
pub(crate) struct Token(Option<Issued>);

struct Issued {
    value: String,
    expires: Duration,
}

impl Token {
    /// Replaces the token by a new one. `now` is the lab's time.
    pub(crate) fn issue(&mut self, value: String, now: Duration) {
        self.0 = Some(Issued { value, expires: now + LIFETIME });
    }

    /// Uses the token up when `value` is it.
    pub(crate) fn redeem(&mut self, value: &str, now: Duration) -> bool {
        self.0.take_if(|issued| issued.value == value).is_some_and(|issued| now < issued.expires)
    }

    /// Makes an unused token worthless.
    pub(crate) fn revoke(&mut self) {
        self.0 = None;
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Token(issued)" } else { "Token(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_works_once_in_time_and_until_the_next() {
        let mut token = Token::default();
        assert!(!token.redeem("", Duration::ZERO));
        token.issue("a".to_owned(), Duration::ZERO);
        assert!(!token.redeem("b", Duration::ZERO));
        assert!(token.redeem("a", LIFETIME.saturating_sub(Duration::from_millis(1))));
        assert!(!token.redeem("a", Duration::ZERO), "used up");
        token.issue("c".to_owned(), Duration::ZERO);
        assert!(!token.redeem("c", LIFETIME), "too late");
        token.issue("d".to_owned(), Duration::ZERO);
        token.issue("e".to_owned(), Duration::ZERO);
        assert!(!token.redeem("d", Duration::ZERO), "replaced");
    }
}

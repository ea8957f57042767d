//! What looks like a key or a password: refused in files, and never shown.

use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::Regex;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "********";

/// The length of the secret half of an AWS access key.
const AWS_SECRET: usize = 40;

/// Runs of characters from here on are taken for tokens.
const TOKEN: usize = 100;

struct Shape {
    what: &'static str,
    /// One of these is in every hit: most values have none, and are not searched further.
    begins: &'static [&'static str],
    regex: Regex,
}

static SHAPES: LazyLock<[Shape; 6]> = LazyLock::new(|| {
    let shape = |what, begins, regex| Shape { what, begins, regex: regex_of(regex) };
    [
        shape(
            "an AWS access key id",
            &["AKIA", "ASIA", "AIDA", "AROA", "ABIA", "ACCA", "AGPA", "AIPA", "ANPA", "ANVA"],
            "(?:AKIA|ASIA|AIDA|AROA|ABIA|ACCA|AGPA|AIPA|ANPA|ANVA)[A-Z0-9]{16}",
        ),
        shape(
            "a GitHub token",
            &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
            "gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
        ),
        shape(
            "a token",
            &["glpat-", "xox"],
            "glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}",
        ),
        shape(
            "a signed token",
            &["eyJ"],
            r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*",
        ),
        shape(
            "a private key",
            &["-----BEGIN", "PuTTY"],
            "-----BEGIN [A-Z ]*PRIVATE KEY.*|PuTTY-User-Key-File-.*",
        ),
        shape(
            "a user name with a password",
            &["://"],
            r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@",
        ),
    ]
});

/// A run of the characters that keys and tokens are made of.
static RUN: LazyLock<Regex> = LazyLock::new(|| regex_of("[A-Za-z0-9/+_=-]{40,}"));

/// Keys whose values are secrets, up to the value.
static SENSITIVE: LazyLock<Regex> = LazyLock::new(|| {
    regex_of(
        r#"(?i)[A-Za-z0-9_."'-]*(?:passw|pwd|passphrase|secret|token|private[-_]?key|access[-_]?key|api[-_]?key|mfa[-_]?code|credentials?[-_]?process|command)[A-Za-z0-9_."'-]*\s*=\s*"#,
    )
});

pub(crate) fn regex_of(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns are constants, which tests compile")
}

/// What kind of secret a value looks like, if any.
pub(crate) fn found(text: &str) -> Option<&'static str> {
    ranges(text).into_iter().next().map(|(_, what)| what)
}

/// The text without what looks like a secret.
pub(crate) fn hidden(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    let mut end = 0;
    for (range, _) in ranges(text) {
        if range.start >= end {
            to.push_str(&text[end..range.start]);
            to.push_str(MASK);
        }
        end = end.max(range.end);
    }
    to.push_str(&text[end..]);
    to
}

/// What a line of a file must not show: secrets, and all that follows a key whose value is one.
pub(crate) fn hidden_ranges(line: &str) -> Vec<Range<usize>> {
    let mut all: Vec<_> = ranges(line).into_iter().map(|(range, _)| range).collect();
    if let Some(key) = SENSITIVE.find(line) {
        all.push(key.end()..line.len());
    }
    // A line of the body of a key in PEM is base64 of 64 characters.
    all.extend(
        RUN.find_iter(line).filter(|run| is_mixed(run.as_str(), 1, 1)).map(|run| run.range()),
    );
    all.retain(|range| !range.is_empty());
    all
}

/// Whether a secret may begin in one line and end in another.
pub(crate) fn spans_lines(text: &str) -> bool {
    text.contains("PRIVATE KEY")
        || text.lines().any(|line| {
            (line.contains("\"\"\"") || line.contains("'''")) && !hidden_ranges(line).is_empty()
        })
}

fn runs(text: &str) -> impl Iterator<Item = regex_lite::Match<'_>> {
    let text = if text.len() < AWS_SECRET { "" } else { text };
    RUN.find_iter(text)
}

fn ranges(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    for shape in SHAPES.iter().filter(|shape| shape.begins.iter().any(|begin| text.contains(begin)))
    {
        found.extend(shape.regex.find_iter(text).map(|hit| (hit.range(), shape.what)));
    }
    for run in runs(text) {
        let value = run.as_str();
        let is_key = !value.contains(['_', '=', '-']) && value.len() == AWS_SECRET;
        // ARNs have long paths.
        if is_key && is_mixed(value, 1, 6) && !text.starts_with("arn:") {
            found.push((run.range(), "a secret access key"));
        } else if value.len() >= TOKEN && is_mixed(value, 3, 6) {
            found.push((run.range(), "a session token"));
        }
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

/// Whether a run has at least so many digits, and so many small and capital letters each, as chance
/// gives and names do not.
fn is_mixed(run: &str, digits: usize, letters: usize) -> bool {
    let count = |of: fn(&u8) -> bool| run.bytes().filter(of).count();
    count(u8::is_ascii_digit) >= digits
        && count(u8::is_ascii_lowercase) >= letters
        && count(u8::is_ascii_uppercase) >= letters
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRETS: [&str; 11] = [
        "AKIAIOSFODNN7EXAMPLE",
        "x ASIAIOSFODNN7EXAMPLE y",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_11ABCDEFG0abcdefghijklmnop",
        "glpat-ABCDEFGHIJKLMNOPQRST",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "postgres://app:hunter2@db.internal:5432/x",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
        "PuTTY-User-Key-File-2: ssh-rsa",
    ];

    #[test]
    fn secrets_are_seen() {
        for secret in SECRETS {
            assert!(found(secret).is_some(), "{secret}");
            assert!(hidden(secret).contains(MASK), "{secret}");
        }
        let token = format!("IQoJb3JpZ2luX2VjE{}", "aB3/".repeat(60));
        assert_eq!(found(&token), Some("a session token"));
    }

    #[test]
    fn names_are_not_secrets() {
        for name in [
            "orders-prod",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "arn:aws:iam::111122223333:policy/Team1/ABoundaryForAllThatIsMadeByPeopleOf22",
            "my-cluster.cluster-abcdefghijkl.eu-west-1.rds.amazonaws.com",
            "i-0123456789abcdef0",
            "arn:aws:rds:eu-west-1:111122223333:db:orders",
            "host:db.internal:5432@vpc-1",
        ] {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn the_value_of_a_sensitive_key_is_hidden_to_the_end_of_the_line() {
        for line in
            ["password = \"x\"", "a = { db-password = 'x' }", "SECRET_KEY=1", "token = 5 # x"]
        {
            let ranges = hidden_ranges(line);
            assert_eq!(ranges.len(), 1, "{line}");
            assert_eq!(ranges[0].end, line.len(), "{line}");
        }
        assert_eq!(hidden_ranges("local-port = 1"), []);
    }
}

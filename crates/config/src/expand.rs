//! `${user}` and `${env:ADIT_…}` in values.

use crate::shown::shown;

/// What values may refer to.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
}

/// Variables of adit's own that hold secrets or commands: no file can send them anywhere.
const PRIVATE: [&str; 3] = ["ADIT_MFA_CODE", "ADIT_MFA_COMMAND", "ADIT_EXTERNAL_ID"];

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expanded {
    /// Nothing was to be done.
    Literal,
    /// The whole text.
    Text(String),
    /// Something is missing here, and not wrong with the file.
    Unset(String),
    /// The file is wrong.
    Wrong(String),
}

/// Puts the values in. What they hold is never looked at again, so it cannot refer to anything.
pub(crate) fn expand(text: &str, around: Surroundings<'_>) -> Expanded {
    if !text.contains("${") {
        return Expanded::Literal;
    }
    let mut to = String::new();
    let mut unset = None;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        to.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            return Expanded::Wrong("`${` has no `}`".to_owned());
        };
        rest = after;
        let value = match name.strip_prefix("env:") {
            None if name == "user" => around
                .user
                .map(str::to_owned)
                .ok_or_else(|| "who the user is, `${user}`, is not known".to_owned()),
            Some(name) if is_ours(name) => (around.env)(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("the variable {name} is not set")),
            Some(name) => return Expanded::Wrong(refusal(name)),
            None => {
                let name = shown(name);
                return Expanded::Wrong(format!(
                    "`${{{name}}}` is not known: values may use `${{user}}` and `${{env:ADIT_…}}`"
                ));
            }
        };
        match value {
            Ok(value) => to.push_str(&value),
            Err(why) => unset = unset.or(Some(why)),
        }
    }
    to.push_str(rest);
    match unset {
        Some(why) => Expanded::Unset(why),
        None if to.contains(char::is_control) => {
            Expanded::Unset("what the variable holds has a control character".to_owned())
        }
        None => Expanded::Text(to),
    }
}

fn is_ours(name: &str) -> bool {
    let tail = name.strip_prefix("ADIT_").unwrap_or_default();
    !tail.is_empty()
        && tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !PRIVATE.contains(&name)
}

fn refusal(name: &str) -> String {
    if PRIVATE.contains(&name) {
        return format!("{name} is not for files to use");
    }
    format!(
        "`{}` cannot be used: of the environment only variables that begin with ADIT_ can",
        shown(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Expanded {
        let env = |name: &str| match name {
            "ADIT_A" => Some("${user}".to_owned()),
            "ADIT_ESC" => Some("\u{1b}[0m".to_owned()),
            "ADIT_EMPTY" => Some(String::new()),
            "HOME" | "ADIT_MFA_CODE" => Some("leak".to_owned()),
            _ => None,
        };
        expand(text, Surroundings { user: Some("ana"), env: &env })
    }

    #[test]
    fn values_are_put_in_once() {
        assert_eq!(with("a-${user}"), Expanded::Text("a-ana".to_owned()));
        assert_eq!(with("${env:ADIT_A}!"), Expanded::Text("${user}!".to_owned()));
        assert_eq!(with("$user {user}"), Expanded::Literal);
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "${HOME}",
            "${env:HOME}",
            "${env:AWS_SECRET_ACCESS_KEY}",
            "${env:ADIT_}",
            "${",
            "${user",
            "${}",
            "${env:}",
            "${USER}",
            "${user:-x}",
            "${env:ADIT_A:-x}",
            "${${user}}",
            "${ user }",
            "${env:ADIT_MFA_CODE}",
            "${env:ADIT_A\u{1b}}",
            "${cmd:id}",
            "${env:ADIT-A}",
        ] {
            assert!(matches!(with(text), Expanded::Wrong(_)), "{text}: {:?}", with(text));
        }
    }

    #[test]
    fn what_is_not_set_is_named() {
        assert_eq!(
            with("${env:ADIT_B}"),
            Expanded::Unset("the variable ADIT_B is not set".to_owned())
        );
        for text in ["${env:ADIT_EMPTY}", "${env:ADIT_ESC}"] {
            assert!(matches!(with(text), Expanded::Unset(_)), "{text}");
        }
    }
}

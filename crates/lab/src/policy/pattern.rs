//! Patterns with `*` and `?`, and the variables that stand in them.

use super::context::{self, Context};

/// A part of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    /// `*`
    Any,
    /// `?`
    One,
    Exact(char),
    /// As in `${aws:username}`; the text behind a comma stands for a key that is not there.
    Variable {
        key: String,
        otherwise: Option<String>,
    },
}

/// A pattern as policies have it in resources and in conditions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pattern(Vec<Part>);

/// A variable that is not known, or that does not end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct UnknownVariable(pub(super) String);

impl Pattern {
    /// Reads a pattern; documents of the language's first version have no variables.
    pub(super) fn parse(text: &str, variables: bool) -> Result<Self, UnknownVariable> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if variables && let Some(inner) = rest.strip_prefix("${") {
                let unknown = || UnknownVariable(rest.to_owned());
                let (name, behind) = inner.split_once('}').ok_or_else(unknown)?;
                parts.push(variable(name).ok_or_else(unknown)?);
                rest = behind;
                continue;
            }
            parts.push(match first {
                '*' => Part::Any,
                '?' => Part::One,
                other => Part::Exact(other),
            });
            rest = &rest[first.len_utf8()..];
        }
        Ok(Self(parts))
    }

    /// Whether it covers a text, case included.
    pub(super) fn covers(&self, text: &str, context: &Context) -> bool {
        self.filled(context).is_some_and(|parts| covers(&parts, text))
    }

    /// Whether it covers an ARN, whose six parts are looked at one by one: no star reaches over a
    /// colon, but for one that stands for any ARN.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>
    pub(super) fn covers_arn(&self, text: &str, context: &Context) -> bool {
        let Some(filled) = self.filled(context) else { return false };
        let wanted: Vec<_> = filled.splitn(6, |part| *part == Part::Exact(':')).collect();
        let actual: Vec<_> = text.splitn(6, ':').collect();
        filled == [Part::Any]
            || (wanted.len() == actual.len()
                && wanted.iter().zip(actual).all(|(wanted, actual)| covers(wanted, actual)))
    }

    /// Whether it is this text, its stars being nothing but stars.
    pub(super) fn is(&self, text: &str, context: &Context, same: fn(&str, &str) -> bool) -> bool {
        let plain = self.filled(context).map(|parts| parts.iter().map(Part::plain).collect());
        plain.is_some_and(|plain: String| same(&plain, text))
    }

    /// With its variables replaced; `None` when one has no value in this request.
    fn filled(&self, context: &Context) -> Option<Vec<Part>> {
        let mut filled = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            match part {
                Part::Variable { key, otherwise } => {
                    let value = context.one(key).or(otherwise.as_deref())?;
                    filled.extend(value.chars().map(Part::Exact));
                }
                other => filled.push(other.clone()),
            }
        }
        Some(filled)
    }
}

impl Part {
    fn plain(&self) -> char {
        match self {
            Self::Any | Self::Variable { .. } => '*',
            Self::One => '?',
            Self::Exact(exact) => *exact,
        }
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
fn variable(name: &str) -> Option<Part> {
    if let "*" | "?" | "$" = name {
        return name.chars().next().map(Part::Exact);
    }
    let (key, otherwise) = match name.split_once(',') {
        Some((key, rest)) => {
            (key.trim(), Some(rest.trim().strip_prefix('\'')?.strip_suffix('\'')?.to_owned()))
        }
        None => (name, None),
    };
    context::is_known(key).then(|| Part::Variable { key: key.to_owned(), otherwise })
}

/// Whether a pattern covers an action, whose case means nothing.
pub(super) fn covers_action(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let parts = Pattern::parse(&pattern, false);
    parts.is_ok_and(|Pattern(parts)| covers(&parts, &action))
}

fn covers(pattern: &[Part], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Where the last star stood, and how much of the text it covers so far.
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < text.len() {
        match pattern.get(at) {
            Some(Part::Any) => {
                star = Some((at, from));
                at += 1;
            }
            Some(part) if *part == Part::One || *part == Part::Exact(text[from]) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((back, covered)) = star else { return false };
                star = Some((back, covered + 1));
                (at, from) = (back + 1, covered + 1);
            }
        }
    }
    pattern[at..].iter().all(|part| *part == Part::Any)
}

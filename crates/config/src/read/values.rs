//! Single values: their types, their ranges, what they refer to.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use toml::de::{DeTable, DeValue};

use super::{Reader, Value};
use crate::expand::{Expanded, expand};
use crate::patterns::{self, fits};
use crate::place::Located;
use crate::problem::Problem;
use crate::secret;
use crate::shown::{is_obeyed, shown};
use crate::values::span;

/// No value is nearly as long, in bytes.
const LONGEST: usize = 2048;

impl Reader<'_> {
    pub(super) fn table<'t, 'd>(
        &mut self,
        value: &'t Value<'d>,
        want: &str,
    ) -> Option<&'t DeTable<'d>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => self.mistyped(value, want),
        }
    }

    pub(super) fn array<'t, 'd>(
        &mut self,
        value: &'t Value<'d>,
        want: &str,
    ) -> Option<&'t [Value<'d>]> {
        match value.get_ref() {
            DeValue::Array(array) => Some(array),
            _ => self.mistyped(value, want),
        }
    }

    pub(super) fn bool(&mut self, value: &Value<'_>) -> Option<Located<bool>> {
        match value.get_ref() {
            DeValue::Boolean(yes) => Some(self.located(*yes, &value.span())),
            _ => self.mistyped(value, "true or false"),
        }
    }

    /// A whole number. One that no type of ours holds is out of every range, so it may be any such.
    pub(super) fn integer(&mut self, value: &Value<'_>, want: &str) -> Option<i128> {
        match value.get_ref() {
            DeValue::Integer(number) => {
                let parsed = i128::from_str_radix(number.as_str(), number.radix());
                Some(parsed.unwrap_or(i128::MAX))
            }
            _ => self.mistyped(value, want),
        }
    }

    pub(super) fn number<T: TryFrom<i128>>(
        &mut self,
        value: &Value<'_>,
        range: RangeInclusive<i128>,
        want: &str,
    ) -> Option<Located<T>> {
        let number = self.integer(value, want)?;
        let fitting = Some(number).filter(|number| range.contains(number));
        if let Some(number) = fitting.and_then(|number| T::try_from(number).ok()) {
            return Some(self.located(number, &value.span()));
        }
        let (first, last) = range.into_inner();
        self.report(value.span(), format!("the number is out of range: {first} to {last}"));
        None
    }

    /// A span of time such as `8h`.
    pub(super) fn duration(
        &mut self,
        value: &Value<'_>,
        range: RangeInclusive<Duration>,
    ) -> Option<Located<Duration>> {
        let want = "a span of time in quotes, such as \"8h\", \"90m\" or \"1h30m\"";
        let text = self.literal(value, want)?;
        let (least, most) = range.into_inner();
        let between = format!("{} to {}", span(least), span(most));
        if !fits(&text.value, patterns::DURATION) {
            self.unfit(value, &text.value, want, false);
            return None;
        }
        // What is too large for jiff is too large for us.
        let parsed = text.value.parse::<SignedDuration>().ok().map(SignedDuration::unsigned_abs);
        match parsed {
            Some(found) if (least..=most).contains(&found) => Some(text.map(|_| found)),
            _ => {
                self.report(value.span(), format!("the span is out of range: {between}"));
                None
            }
        }
    }

    /// A text of a certain form, which may refer to the user and the environment.
    pub(super) fn fitting(
        &mut self,
        value: &Value<'_>,
        pattern: &'static str,
        want: &str,
    ) -> Option<Located<String>> {
        self.checked(value, want, |text| fits(text, pattern))
    }

    /// The same with a check of its own.
    pub(super) fn checked(
        &mut self,
        value: &Value<'_>,
        want: &str,
        is_good: impl FnOnce(&str) -> bool,
    ) -> Option<Located<String>> {
        let (text, was_expanded) = self.expanded(value, want)?;
        if self.deferred.contains_key(&text.place) {
            return Some(text);
        }
        if is_good(&text.value) {
            return Some(text);
        }
        let is_late = self.unfit(value, &text.value, want, was_expanded);
        is_late.then_some(text)
    }

    /// A text with what it refers to put in. What is missing for that is kept for whoever uses the
    /// value.
    pub(super) fn expanded(
        &mut self,
        value: &Value<'_>,
        want: &str,
    ) -> Option<(Located<String>, bool)> {
        let text = self.text(value, want)?;
        match expand(&text.value, self.around) {
            Expanded::Literal => Some((text, false)),
            Expanded::Wrong(why) => {
                self.report(value.span(), why);
                None
            }
            Expanded::Unset(why) => {
                let problem = self.source.problem(value.span(), why);
                self.deferred.insert(text.place.clone(), problem);
                Some((text, true))
            }
            Expanded::Text(expanded) if expanded.len() > LONGEST => {
                let problem =
                    self.source.problem(value.span(), "with its variables the value is too long");
                self.deferred.insert(text.place.clone(), problem);
                Some((text, true))
            }
            Expanded::Text(expanded) => {
                let hidden = expanded.contains(is_hidden).then(|| HIDDEN.to_owned());
                if let Some(why) = secret::found(&expanded).map(leak).or(hidden) {
                    let problem = self.source.problem(value.span(), why);
                    self.deferred.insert(text.place.clone(), problem);
                }
                Some((text.map(|_| expanded), true))
            }
        }
    }

    /// A text that refers to nothing.
    pub(super) fn literal(&mut self, value: &Value<'_>, want: &str) -> Option<Located<String>> {
        let text = self.text(value, want)?;
        if text.value.contains("${") {
            let message = format!("`${{…}}` cannot be used here: write {want}");
            self.report(value.span(), message);
            return None;
        }
        Some(text)
    }

    /// A text of a certain form that refers to nothing.
    pub(super) fn fitting_literal(
        &mut self,
        value: &Value<'_>,
        pattern: &'static str,
        want: &str,
    ) -> Option<Located<String>> {
        let text = self.literal(value, want)?;
        if fits(&text.value, pattern) {
            return Some(text);
        }
        self.unfit(value, &text.value, want, false);
        None
    }

    fn text(&mut self, value: &Value<'_>, want: &str) -> Option<Located<String>> {
        let DeValue::String(text) = value.get_ref() else { return self.mistyped(value, want) };
        if text.len() > LONGEST {
            let message = format!("the value is too long: wanted is {want}");
            self.problems.push(self.source.masked(value.span(), message));
            return None;
        }
        if let Some(what) = secret::found(text) {
            self.problems.push(self.leaked(value, what));
            return None;
        }
        if text.contains(is_hidden) {
            self.report(value.span(), HIDDEN);
            return None;
        }
        Some(self.located(text.to_string(), &value.span()))
    }

    /// The problem of a value that looks like a secret.
    pub(super) fn leaked(&self, value: &Value<'_>, what: &str) -> Problem {
        self.source
            .masked(value.span(), leak(what))
            .hint("take it out, and out of the file's history; it counts as known to others")
    }

    /// Reports a text of the wrong form; whether it is one only where it is used.
    pub(super) fn unfit(
        &mut self,
        value: &Value<'_>,
        text: &str,
        want: &str,
        was_expanded: bool,
    ) -> bool {
        let message = format!("`{}` does not fit: wanted is {want}", shown(text));
        let problem = self.source.problem(value.span(), message);
        if was_expanded {
            let place = self.source.place(value.span().start);
            self.deferred.entry(place).or_insert(problem);
        } else {
            self.problems.push(problem);
        }
        was_expanded
    }

    pub(super) fn mistyped<T>(&mut self, value: &Value<'_>, want: &str) -> Option<T> {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a floating-point number",
            DeValue::Boolean(true) => "true",
            DeValue::Boolean(false) => "false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        let message = format!("found {found}; wanted is {want}");
        let leaks = value
            .get_ref()
            .as_str()
            .filter(|text| text.len() > LONGEST || secret::found(text).is_some());
        let problem = match leaks {
            Some(_) => self.source.masked(value.span(), message),
            None => self.source.problem(value.span(), message),
        };
        self.problems.push(problem);
        None
    }
}

const HIDDEN: &str = "the value has a character that shows nothing, or turns the text around";

/// Controls have messages of their own.
fn is_hidden(c: char) -> bool {
    is_obeyed(c) && !c.is_control()
}

fn leak(what: &str) -> String {
    format!("the value looks like {what}, and secrets do not belong in this file")
}

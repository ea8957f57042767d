//! Conditions: operators, keys and values.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;

use super::context::{self, Context};
use super::malformed::{Malformed, SYNTAX};
use super::pattern::Pattern;

/// One operator on one key, with the values of which one has to hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Condition {
    test: Test,
    /// Holds when none of the values does.
    negated: bool,
    /// Holds when the key is not in the request.
    if_exists: bool,
    key: String,
    values: Vec<Pattern>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Test {
    Text,
    TextWithoutCase,
    Like,
    Arn,
    Number(Order),
    Date(Order),
    Bool,
    Null,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Equals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The operators, without `IfExists`.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
const OPERATORS: [(&str, Test, bool); 24] = [
    ("StringEquals", Test::Text, false),
    ("StringNotEquals", Test::Text, true),
    ("StringEqualsIgnoreCase", Test::TextWithoutCase, false),
    ("StringNotEqualsIgnoreCase", Test::TextWithoutCase, true),
    ("StringLike", Test::Like, false),
    ("StringNotLike", Test::Like, true),
    // Both compare with wildcards.
    ("ArnEquals", Test::Arn, false),
    ("ArnNotEquals", Test::Arn, true),
    ("ArnLike", Test::Arn, false),
    ("ArnNotLike", Test::Arn, true),
    ("NumericEquals", Test::Number(Order::Equals), false),
    ("NumericNotEquals", Test::Number(Order::Equals), true),
    ("NumericLessThan", Test::Number(Order::Less), false),
    ("NumericLessThanEquals", Test::Number(Order::LessOrEqual), false),
    ("NumericGreaterThan", Test::Number(Order::Greater), false),
    ("NumericGreaterThanEquals", Test::Number(Order::GreaterOrEqual), false),
    ("DateEquals", Test::Date(Order::Equals), false),
    ("DateNotEquals", Test::Date(Order::Equals), true),
    ("DateLessThan", Test::Date(Order::Less), false),
    ("DateLessThanEquals", Test::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Test::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Test::Date(Order::GreaterOrEqual), false),
    ("Bool", Test::Bool, false),
    ("Null", Test::Null, false),
];

impl Condition {
    /// Reads the member `Condition` of a statement.
    pub(super) fn parse(block: &Value, variables: bool) -> Result<Vec<Self>, Malformed> {
        let syntax = || Malformed::from(SYNTAX);
        let mut conditions = Vec::new();
        for (name, keys) in block.as_object().ok_or_else(syntax)? {
            let (operator, if_exists) = match name.strip_suffix("IfExists") {
                Some(operator) => (operator, true),
                None => (name.as_str(), false),
            };
            let known = OPERATORS.into_iter().find(|(known, ..)| *known == operator);
            // `Null` asks whether there is a key; `NullIfExists` would ask nothing.
            let known = known.filter(|(_, test, _)| *test != Test::Null || !if_exists);
            let (_, test, negated) =
                known.ok_or_else(|| Malformed(format!("Invalid Condition type : {name}.")))?;
            for (key, values) in keys.as_object().ok_or_else(syntax)? {
                if !context::is_known(key) {
                    let text = format!("The condition key {key} is not known to the lab.");
                    return Err(Malformed(text));
                }
                let values = texts(values).ok_or_else(syntax)?;
                let values = values
                    .iter()
                    .map(|value| value_of(test, value, variables))
                    .collect::<Result<_, _>>()?;
                conditions.push(Self { test, negated, if_exists, key: key.clone(), values });
            }
        }
        Ok(conditions)
    }

    /// Whether it holds for a request.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let actual = context.one(&self.key);
        if self.test == Test::Null {
            let missing = if actual.is_none() { "true" } else { "false" };
            return self.values.iter().any(|value| value.is(missing, context, same_without_case));
        }
        match actual {
            None => self.negated || self.if_exists,
            Some(actual) => self.any(actual, context) != self.negated,
        }
    }

    fn any(&self, actual: &str, context: &Context) -> bool {
        self.values.iter().any(|value| match self.test {
            Test::Text => value.is(actual, context, |one, other| one == other),
            Test::TextWithoutCase | Test::Bool | Test::Null => {
                value.is(actual, context, same_without_case)
            }
            Test::Like => value.covers(actual, context),
            Test::Arn => value.covers_arn(actual, context),
            Test::Number(order) => value.is(actual, context, order.numbers()),
            Test::Date(order) => value.is(actual, context, order.dates()),
        })
    }
}

fn same_without_case(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Order {
    /// Compares what the request has, given second, with what the policy wants.
    fn numbers(self) -> fn(&str, &str) -> bool {
        match self {
            Self::Equals => |wanted, actual| ordered::<Number>(wanted, actual, |a, w| a == w),
            Self::Less => |wanted, actual| ordered::<Number>(wanted, actual, |a, w| a < w),
            Self::LessOrEqual => |wanted, actual| ordered::<Number>(wanted, actual, |a, w| a <= w),
            Self::Greater => |wanted, actual| ordered::<Number>(wanted, actual, |a, w| a > w),
            Self::GreaterOrEqual => {
                |wanted, actual| ordered::<Number>(wanted, actual, |a, w| a >= w)
            }
        }
    }

    fn dates(self) -> fn(&str, &str) -> bool {
        match self {
            Self::Equals => |wanted, actual| ordered::<Date>(wanted, actual, |a, w| a == w),
            Self::Less => |wanted, actual| ordered::<Date>(wanted, actual, |a, w| a < w),
            Self::LessOrEqual => |wanted, actual| ordered::<Date>(wanted, actual, |a, w| a <= w),
            Self::Greater => |wanted, actual| ordered::<Date>(wanted, actual, |a, w| a > w),
            Self::GreaterOrEqual => |wanted, actual| ordered::<Date>(wanted, actual, |a, w| a >= w),
        }
    }
}

fn ordered<T: FromStr>(wanted: &str, actual: &str, holds: fn(&T, &T) -> bool) -> bool {
    match (actual.parse(), wanted.parse()) {
        (Ok(actual), Ok(wanted)) => holds(&actual, &wanted),
        _ => false,
    }
}

#[derive(PartialEq, PartialOrd)]
struct Number(f64);

impl FromStr for Number {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A date in ISO 8601, or in seconds since the Unix epoch.
#[derive(PartialEq, PartialOrd)]
struct Date(Timestamp);

impl FromStr for Date {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(seconds) => Timestamp::from_second(seconds).map(Self),
            Err(_) => text.parse().map(Self),
        }
    }
}

/// A value, which has to be one that its operator can compare with.
fn value_of(test: Test, text: &str, variables: bool) -> Result<Pattern, Malformed> {
    let fits = match test {
        Test::Number(_) => text.parse::<Number>().is_ok(),
        Test::Date(_) => text.parse::<Date>().is_ok(),
        Test::Bool | Test::Null => ["true", "false"].iter().any(|b| b.eq_ignore_ascii_case(text)),
        Test::Text | Test::TextWithoutCase | Test::Like | Test::Arn => true,
    };
    if !fits {
        return Err(Malformed::from(SYNTAX));
    }
    Pattern::parse(text, variables).map_err(Malformed::from)
}

/// A value or a list of them: texts, or numbers and switches that stand for their text.
fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        value => Some(vec![one(value)?]),
    }
}

use std::collections::BTreeMap;

use adit_wire::control::SessionTask;
use serde_json::Value;

use super::pattern::Pattern;

/// The only schema version of session documents (`appconfig/constants.go`
/// `SupportedSessionDocumentVersions`).
const SCHEMA_VERSION: &str = "1.0";

/// A document that the agent refuses, in the words of `docparser.go` where it has any.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum DocumentError {
    #[error(
        "Document with schema version {0} is not supported by this version of ssm agent, please update to latest version"
    )]
    Schema(String),
    #[error("this emulated agent has port sessions only, not {0}")]
    SessionType(String),
    #[error("all errors during param validation errors: {}", .0.join("\n"))]
    Parameters(Vec<String>),
}

/// Makes the session's properties of its document: checks schema and parameters, then puts the
/// parameters' values or defaults in (`docparser.go` `ParseDocument`).
pub(super) fn properties(task: &SessionTask) -> Result<BTreeMap<String, String>, DocumentError> {
    let document = &task.document_content;
    if document.schema_version != SCHEMA_VERSION {
        return Err(DocumentError::Schema(document.schema_version.clone()));
    }
    if document.session_type != "Port" {
        return Err(DocumentError::SessionType(document.session_type.clone()));
    }
    let mut values = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, definition) in &document.parameters {
        let given = task.parameters.get(name).or(definition.default.as_ref());
        if let Some(pattern) = &definition.allowed_pattern
            && let Err(error) = check(given.map(String::as_str), pattern, &definition.kind)
        {
            errors.push(format!(
                "error thrown in 'AllowedRegexParamValidator' while validating parameter /{name}/: {error}"
            ));
        }
        if let Some(value) = given {
            values.insert(name.as_str(), value.as_str());
        }
    }
    if !errors.is_empty() {
        return Err(DocumentError::Parameters(errors));
    }
    // A parameter that the document does not define is substituted all the same.
    for (name, value) in &task.parameters {
        if name.chars().all(|c| c.is_ascii_alphanumeric()) {
            values.insert(name, value);
        }
    }
    let properties = document.properties.iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name.clone(), substitute(text, &values))),
        _ => None,
    });
    Ok(properties.collect())
}

fn check(value: Option<&str>, pattern: &str, kind: &str) -> Result<(), String> {
    let Some(value) = value else {
        return Err(format!("invalid parameter type {kind} with parameter value <nil>"));
    };
    let compiled = Pattern::parse(pattern).map_err(|error| {
        format!("encountered error while compiling allowed pattern - internal error: {error}")
    })?;
    if compiled.matches(value) {
        Ok(())
    } else {
        Err(format!("parameter value /{value}/ does not match the allowed pattern /{pattern}/"))
    }
}

/// Replaces each `{{ name }}` of a known name, once: values are not looked at again
/// (`parameters.go` `ReplaceParameters`).
fn substitute(text: &str, values: &BTreeMap<&str, &str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        out.push_str(before);
        let known = behind
            .split_once("}}")
            .and_then(|(name, after)| values.get(name.trim()).map(|value| (*value, after)));
        if let Some((value, after)) = known {
            // A text that is more than the one parameter loses a dollar of each two.
            let whole = text.len() == rest.len() && before.is_empty() && after.is_empty();
            out.push_str(&if whole { value.to_owned() } else { value.replace("$$", "$") });
            rest = after;
        } else {
            out.push_str("{{");
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::substitute;

    #[test]
    fn known_names_are_replaced_once() {
        let values = BTreeMap::from([("port", "{{ host }}"), ("host", "a$$b"), ("n", "$$")]);
        let table = [
            ("", ""),
            ("plain", "plain"),
            ("{{ port }}", "{{ host }}"),
            ("{{port}}", "{{ host }}"),
            ("{{ host }}", "a$$b"),
            ("x {{ host }}:{{ n }}", "x a$b:$"),
            ("{{ other }}", "{{ other }}"),
            ("{{ {{ n }}", "{{ $"),
            ("{{ host", "{{ host"),
        ];
        for (text, expected) in table {
            assert_eq!(substitute(text, &values), expected, "{text}");
        }
    }
}

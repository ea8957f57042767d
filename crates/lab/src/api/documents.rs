//! The session documents, as the service owns them.

use std::collections::BTreeMap;

use adit_wire::control::{ParameterDefinition, SessionDocument};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Context, required};
use crate::http::ApiError;

/// The document of a StartSession call that names none.
pub(super) const SHELL: &str = "SSM-SessionManagerRunShell";

const PORT_FORWARDING: &str = "AWS-StartPortForwardingSession";
const REMOTE_HOST: &str = "AWS-StartPortForwardingSessionToRemoteHost";
const SSH: &str = "AWS-StartSSHSession";
const INTERACTIVE: &str = "AWS-StartInteractiveCommand";
const NON_INTERACTIVE: &str = "AWS-StartNonInteractiveCommand";

/// A port from 1 to 65535, as the service's documents write it.
const PORT_PATTERN: &str = "^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}\
                            |655[0-2][0-9]|6553[0-5])$";

/// The same from 0.
const LOCAL_PORT_PATTERN: &str = "^([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}\
                                  |65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";

const HOST_PATTERN: &str = "^[^,$^&\\(\\)!;'\"<>\\`{}\\[\\]\\|#=]{3,}$";

/// Characters that no host may have, by its pattern.
const NOT_IN_HOST: &[char] = &[
    ',', '$', '^', '&', '(', ')', '!', ';', '\'', '"', '<', '>', '`', '{', '}', '[', ']', '|', '#',
    '=',
];

/// A parameter and what it takes.
struct Parameter {
    name: &'static str,
    description: &'static str,
    default: Option<&'static str>,
    pattern: Option<&'static str>,
    accepts: fn(&str) -> bool,
}

const PORT: Parameter = Parameter {
    name: "portNumber",
    description: "(Optional) Port number of the server on the instance",
    default: Some("80"),
    pattern: Some(PORT_PATTERN),
    accepts: |value| number(value).is_some_and(|port| port > 0),
};

const LOCAL_PORT: Parameter = Parameter {
    name: "localPortNumber",
    description: "(Optional) Port number on local machine to forward traffic to. An open port is \
                  chosen at run-time if not provided",
    default: Some("0"),
    pattern: Some(LOCAL_PORT_PATTERN),
    accepts: |value| number(value).is_some(),
};

const HOST: Parameter = Parameter {
    name: "host",
    description: "(Optional) Hostname or IP address of the destination server",
    default: Some("localhost"),
    pattern: Some(HOST_PATTERN),
    accepts: |value| value.chars().count() >= 3 && !value.contains(NOT_IN_HOST),
};

const SSH_PORT: Parameter = Parameter {
    name: "portNumber",
    description: "(Optional) Port number of SSH server on the instance",
    default: Some("22"),
    pattern: Some(PORT_PATTERN),
    accepts: |value| number(value).is_some_and(|port| port > 0),
};

const COMMAND: Parameter = Parameter {
    name: "command",
    description: "(Required) The command to execute on the instance",
    default: None,
    pattern: None,
    accepts: |_| true,
};

/// A port without leading zeros, as both patterns have it.
fn number(value: &str) -> Option<u16> {
    let plain = value == "0" || !value.starts_with(['0', '+']);
    value.parse().ok().filter(|_| plain)
}

/// What `GetDocument` is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetDocument {
    name: Option<String>,
}

/// Gives the document of the account's preferences, where somebody has set any.
pub(super) fn get(context: &Context<'_>, request: &GetDocument) -> Answer {
    let name = required("name", request.name.as_deref())?;
    let preferences = context.service.preferences().filter(|_| name == SHELL);
    let preferences = preferences.ok_or_else(|| {
        let message = format!("Document with name {name} does not exist.");
        ApiError::of_model("InvalidDocument", message)
    })?;
    let minutes = |minutes: Option<u32>| minutes.map(|count| count.to_string()).unwrap_or_default();
    let mut inputs = inputs();
    inputs.insert("idleSessionTimeout".to_owned(), minutes(preferences.idle_minutes).into());
    inputs.insert("maxSessionDuration".to_owned(), minutes(preferences.max_minutes).into());
    let content = json!({
        "schemaVersion": "1.0",
        "description": "Document to hold regional settings for Session Manager",
        "sessionType": "Standard_Stream",
        "inputs": inputs,
    });
    Ok(json!({
        "Name": name,
        "DocumentVersion": "1",
        "Status": "Active",
        "Content": content.to_string(),
        "DocumentType": "Session",
        "DocumentFormat": "JSON",
    }))
}

/// A document by name, and the values of its parameters: the caller's, one to a list.
pub(super) fn prepare(
    name: &str,
    given: &BTreeMap<String, Vec<String>>,
) -> Result<(SessionDocument, BTreeMap<String, String>), ApiError> {
    let (description, session_type, parameters, properties) = look_up(name).ok_or_else(|| {
        let message = format!("Document with name {name} does not exist.");
        ApiError::of_model("InvalidDocument", message)
    })?;
    let mut values = BTreeMap::new();
    for (key, list) in given {
        let known = parameters.iter().find(|parameter| parameter.name == key);
        let parameter = known.ok_or_else(|| {
            invalid(format!("Parameter \"{key}\" is not defined in document {name}."))
        })?;
        let [value] = list.as_slice() else {
            return Err(invalid(format!("Parameter \"{key}\" takes exactly one value.")));
        };
        if !(parameter.accepts)(value) {
            let pattern = parameter.pattern.unwrap_or_default();
            return Err(invalid(format!(
                "Parameter \"{key}\" has value \"{value}\" not matching \"{pattern}\"."
            )));
        }
        values.insert(key.clone(), value.clone());
    }
    for parameter in parameters {
        if parameter.default.is_none() && !values.contains_key(parameter.name) {
            let name = parameter.name;
            return Err(invalid(format!("Parameter \"{name}\" requires a value.")));
        }
    }
    let parameters = parameters.iter().map(|p| (p.name.to_owned(), p.definition())).collect();
    let document = SessionDocument {
        schema_version: "1.0".to_owned(),
        description: description.to_owned(),
        session_type: session_type.to_owned(),
        inputs: inputs(),
        parameters,
        properties,
    };
    Ok((document, values))
}

fn invalid(message: String) -> ApiError {
    ApiError::of_model("InvalidParameters", message)
}

type Document = (&'static str, &'static str, &'static [Parameter], BTreeMap<String, Value>);

fn look_up(name: &str) -> Option<Document> {
    Some(match name {
        PORT_FORWARDING => (
            "Document to start port forwarding session over Session Manager",
            "Port",
            &[PORT, LOCAL_PORT],
            forwarding(&["portNumber", "localPortNumber"]),
        ),
        REMOTE_HOST => (
            "Document to start port forwarding session over Session Manager to remote host",
            "Port",
            &[PORT, LOCAL_PORT, HOST],
            forwarding(&["portNumber", "localPortNumber", "host"]),
        ),
        SSH => (
            "Document to start SSH session over Session Manager",
            "Port",
            &[SSH_PORT],
            placeholders(&["portNumber"]),
        ),
        INTERACTIVE => (
            "Document to run single interactive command on an instance",
            "InteractiveCommands",
            &[COMMAND],
            commands(),
        ),
        NON_INTERACTIVE => (
            "Document to run single non-interactive command on an instance",
            "NonInteractiveCommands",
            &[COMMAND],
            commands(),
        ),
        SHELL => (
            "Document to hold regional settings for Session Manager",
            "Standard_Stream",
            &[],
            BTreeMap::new(),
        ),
        _ => return None,
    })
}

/// Properties that the agent fills in from the parameters of the same names.
fn placeholders(names: &[&str]) -> BTreeMap<String, Value> {
    names.iter().map(|name| ((*name).to_owned(), format!("{{{{ {name} }}}}").into())).collect()
}

fn forwarding(names: &[&str]) -> BTreeMap<String, Value> {
    let mut properties = placeholders(names);
    properties.insert("type".to_owned(), "LocalPortForwarding".into());
    properties
}

fn commands() -> BTreeMap<String, Value> {
    let command = json!({ "commands": "{{ command }}", "runAsElevated": false });
    ["linux", "macos", "windows"].map(|os| (os.to_owned(), command.clone())).into()
}

/// Preferences of an account that logs nothing, as the service sends them.
fn inputs() -> BTreeMap<String, Value> {
    let texts = ["s3BucketName", "s3KeyPrefix", "cloudWatchLogGroupName", "kmsKeyId"];
    let texts = texts.into_iter().chain(["runAsDefaultUser"]);
    let switches = [
        "s3EncryptionEnabled",
        "cloudWatchEncryptionEnabled",
        "cloudWatchStreamingEnabled",
        "runAsEnabled",
    ];
    let texts = texts.map(|name| (name.to_owned(), json!("")));
    let switches = switches.into_iter().map(|name| (name.to_owned(), json!(false)));
    let profile = ("shellProfile".to_owned(), json!({ "linux": "", "windows": "" }));
    texts.chain(switches).chain([profile]).collect()
}

impl Parameter {
    fn definition(&self) -> ParameterDefinition {
        ParameterDefinition {
            kind: "String".to_owned(),
            description: self.description.to_owned(),
            default: self.default.map(str::to_owned),
            allowed_pattern: self.pattern.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), vec![(*v).to_owned()])).collect()
    }

    #[test]
    fn ports_follow_their_patterns() {
        for (value, port, local) in [
            ("0", false, true),
            ("1", true, true),
            ("65535", true, true),
            ("65536", false, false),
            ("080", false, false),
            ("+80", false, false),
            ("-1", false, false),
            ("", false, false),
            ("80 ", false, false),
        ] {
            assert_eq!((PORT.accepts)(value), port, "portNumber {value:?}");
            assert_eq!((LOCAL_PORT.accepts)(value), local, "localPortNumber {value:?}");
        }
    }

    #[test]
    fn the_documents_properties_wait_for_the_agent() {
        let values = given(&[("host", "db.internal"), ("portNumber", "5432")]);
        let (document, values) = prepare(REMOTE_HOST, &values).expect("a document");
        assert_eq!(document.session_type, "Port");
        assert_eq!(document.properties["host"], "{{ host }}");
        assert_eq!(document.properties["type"], "LocalPortForwarding");
        assert_eq!(values["portNumber"], "5432");
        assert!(!values.contains_key("localPortNumber"), "the agent fills the default in");
        let (ssh, _) = prepare(SSH, &BTreeMap::new()).expect("a document");
        assert!(!ssh.properties.contains_key("type"));
    }
}

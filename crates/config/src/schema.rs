//! The JSON Schema of both files, for editors.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema as _, Schema};
use serde_json::{Value, json};

use crate::file::File;
use crate::patterns;

/// The schema of `adit.toml`, in draft 2020-12. It is as strict as the parser but where it cannot:
/// names that refer to each other, ranges of spans and of ports, what `${…}` refers to, secrets.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<File>();
    RecursiveTransform(without_null).transform(&mut schema);
    schema.insert("title".to_owned(), File::schema_name().replace("File", "adit.toml").into());
    schema.to_value()
}

/// The schema of a person's own `config.toml`: it may be empty, connections may be those of a shared
/// file, and there are keys that only it has.
pub fn user_schema() -> Value {
    let mut schema = schema();
    schema["title"] = json!("config.toml");
    schema["description"] =
        json!("A person's own: preferences, and connections and targets of their own.");
    if let Some(whole) = schema.as_object_mut() {
        whole.remove("required");
        // Whatever is said, the version has to be said too.
        whole.insert("anyOf".to_owned(), json!([{"required": ["version"]}, {"maxProperties": 0}]));
    }
    let own = [
        (
            "ca-bundle",
            json!({"type": "string", "minLength": 1, "description": "Roots to trust beside the system's, in PEM."}),
        ),
        (
            "mfa-serial",
            json!({
                "type": "string", "pattern": format!(r"{}|\$\{{", patterns::MFA_SERIAL),
                "description": "The ARN or serial number of your MFA device, or `auto`.",
            }),
        ),
    ];
    for name in ["Connection", "Defaults"] {
        let definition = &mut schema["$defs"][name];
        if let Some(required) = definition.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|key| key != "target");
        }
        for (key, value) in &own {
            definition["properties"][*key] = value.clone();
        }
    }
    schema
}

/// TOML has no null: what may be missing is left out.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|found| found != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
        any.retain(|found| *found != json!({"type": "null"}));
        if let [only] = any.as_slice()
            && let Value::Object(only) = only.clone()
        {
            schema.remove("anyOf");
            for (key, value) in only {
                schema.insert(key, value);
            }
        }
    }
}

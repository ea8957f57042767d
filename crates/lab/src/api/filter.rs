use serde::Deserialize;

/// A filter in any of the two spellings that the API has.
#[derive(Deserialize)]
pub(super) struct Filter {
    #[serde(alias = "Key")]
    pub(super) key: String,
    /// `DescribeSessions` takes one value, the others take several.
    #[serde(default)]
    value: Option<String>,
    #[serde(default, alias = "Values", alias = "valueSet")]
    values: Vec<String>,
}

impl Filter {
    /// Whether one of the filter's values is this one.
    pub(super) fn matches(&self, value: &str) -> bool {
        self.values().any(|wanted| wanted == value)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.value.iter().chain(&self.values).map(String::as_str)
    }
}

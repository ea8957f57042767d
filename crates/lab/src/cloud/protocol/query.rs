use std::collections::BTreeMap;

use super::CloudError;

/// How deep a name may go; no operation has more than six parts.
const DEPTH: usize = 12;

/// The parameters of a query: a tree whose branches are the parts of names such as
/// `Filter.1.Value.2`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Params {
    value: Option<String>,
    members: BTreeMap<String, Self>,
}

impl Params {
    /// Reads a form or a query string. What is too deep is left out, as unknown parameters are.
    pub(crate) fn parse(form: &[u8]) -> Self {
        let mut root = Self::default();
        for (name, value) in url::form_urlencoded::parse(form) {
            if name.split('.').count() <= DEPTH {
                root.insert(&name, value.into_owned());
            }
        }
        root
    }

    fn insert(&mut self, name: &str, value: String) {
        let mut at = self;
        for part in name.split('.') {
            at = at.members.entry(part.to_owned()).or_default();
        }
        at.value = Some(value);
    }

    /// The node of a name such as `IamInstanceProfile.Name`.
    fn node(&self, name: &str) -> Option<&Self> {
        name.split('.').try_fold(self, |at, part| at.members.get(part))
    }

    /// Text of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.node(name)?.value.as_deref()
    }

    /// The node's own text: an entry of a list of texts.
    pub(crate) fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    /// Whether a parameter or anything below it was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    /// A structure; empty when it was not given.
    pub(crate) fn part(&self, name: &str) -> Self {
        self.node(name).cloned().unwrap_or_default()
    }

    /// Text of a parameter that has to be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, CloudError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            CloudError::refuse(
                "MissingParameter",
                format!("The request must contain the parameter {name}"),
            )
        })
    }

    /// A list, in the order of its numbers: `Name.1`, `Name.member.1` or `Name.Entry.1`.
    pub(crate) fn list(&self, name: &str) -> Vec<&Self> {
        let Some(node) = self.node(name) else { return Vec::new() };
        let entries = node.entries();
        if !entries.is_empty() {
            return entries;
        }
        node.members.values().next().map(Self::entries).unwrap_or_default()
    }

    /// All but some.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        let mut copy = self.clone();
        copy.members.retain(|name, _| !names.contains(&name.as_str()));
        copy
    }

    fn entries(&self) -> Vec<&Self> {
        let numbered = self.members.iter();
        let mut entries: Vec<(u32, &Self)> =
            numbered.filter_map(|(name, node)| Some((name.parse().ok()?, node))).collect();
        entries.sort_by_key(|&(number, _)| number);
        entries.into_iter().map(|(_, node)| node).collect()
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).into_iter().map(|entry| entry.value().to_owned()).collect()
    }

    /// A switch; false when it was not given.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, CloudError> {
        Ok(self.switch(name)?.unwrap_or(false))
    }

    /// A switch that can be left out.
    pub(crate) fn switch(&self, name: &str) -> Result<Option<bool>, CloudError> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(other) => Err(CloudError::refuse(
                "InvalidParameterValue",
                format!("Invalid value '{other}' for {name}. Expecting a Boolean"),
            )),
        }
    }

    /// A number that can be left out.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, CloudError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            CloudError::refuse(
                "InvalidParameterValue",
                format!("Invalid value '{text}' for {name}. Expecting a number"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_every_spelling_and_in_order() {
        let params = Params::parse(
            b"Id.10=j&Id.2=b&Id.1=a&Name.member.1=x&Tags.Tag.1.Key=k&Tags.Tag.1.Value=v%20w&One=",
        );
        assert_eq!(params.texts("Id"), ["a", "b", "j"]);
        assert_eq!(params.texts("Name"), ["x"]);
        let tags = params.list("Tags");
        assert_eq!((tags[0].get("Key"), tags[0].get("Value")), (Some("k"), Some("v w")));
        assert_eq!(params.get("One"), Some(""));
        assert!(params.required("One").is_err());
        assert!(params.list("None").is_empty());
    }

    #[test]
    fn a_name_of_many_parts_is_left_out() {
        let name = "a.".repeat(100_000);
        assert_eq!(Params::parse(format!("{name}=1").as_bytes()), Params::default());
    }
}

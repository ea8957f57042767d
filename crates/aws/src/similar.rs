//! The nearest of the known names, for those who mistyped one.

/// How much alike two names must be to be worth a mention; 1 is the same.
///
/// As clap's for its own suggestions.
const ALIKE: f64 = 0.7;

/// The few of `known` that look most like `text`, the best first.
pub(crate) fn similar<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (strsim::jaro(text, name), name))
        .filter(|(alike, name)| *alike > ALIKE || !text.is_empty() && name.contains(text))
        .collect();
    found.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    found.dedup_by_key(|(_, name)| *name);
    found.into_iter().map(|(_, name)| name).take(3).collect()
}

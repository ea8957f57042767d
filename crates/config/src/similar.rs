//! The nearest of the known names, for those who mistyped one.

/// How much alike two names must be to be worth a mention; 1 is the same.
const ALIKE: f64 = 0.75;

/// Names longer than this are not compared: the comparison takes the product of the lengths.
const LONGEST: usize = 80;

/// The one of `known` that looks most like `text`.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let folded = text.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .map(|name| (strsim::jaro(&folded, &name.to_lowercase()), name))
        .filter(|(alike, name)| *alike > ALIKE && *name != text)
        .max_by(|left, right| left.0.total_cmp(&right.0).then(right.1.cmp(left.1)))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_found_whatever_its_case() {
        let known = ["local-port", "lanes", "max-duration"];
        assert_eq!(nearest("localPort", known), Some("local-port"));
        assert_eq!(nearest("max_duration", known), Some("max-duration"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(nearest("", known), None);
    }
}

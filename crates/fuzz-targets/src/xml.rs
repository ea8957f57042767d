//! Whether a text is well-formed XML, as far as the lab writes any.

/// The entities that every XML has.
const ENTITIES: [&str; 5] = ["amp;", "lt;", "gt;", "quot;", "apos;"];

/// What is wrong with it, if anything: tags that do not match, or characters that had to be escaped.
pub(crate) fn fault(mut text: &str) -> Option<&'static str> {
    if let Some(rest) = text.strip_prefix("<?xml") {
        text = rest.split_once("?>")?.1;
    }
    let mut open: Vec<&str> = Vec::new();
    while let Some((before, rest)) = text.split_once('<') {
        if let Some(fault) = fault_of_text(before) {
            return Some(fault);
        }
        let Some((tag, after)) = rest.split_once('>') else { return Some("a tag without an end") };
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
        if name.is_empty() || name.contains(['<', '&', '"']) {
            return Some("a tag without a name");
        }
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return Some("an end without a beginning");
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        text = after;
    }
    if open.is_empty() { fault_of_text(text) } else { Some("a beginning without an end") }
}

fn fault_of_text(text: &str) -> Option<&'static str> {
    let mut parts = text.split('&');
    parts.next();
    let escaped = |part: &str| {
        ENTITIES.iter().any(|entity| part.starts_with(entity)) || part.starts_with('#')
    };
    if text.contains('>') {
        return Some("a bare >");
    }
    (!parts.all(escaped)).then_some("a bare &")
}

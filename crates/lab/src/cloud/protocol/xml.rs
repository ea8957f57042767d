use std::fmt::{Display, Write as _};

/// An element of an answer: text or children.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Element {
    name: &'static str,
    content: Content,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Content {
    Text(String),
    Children(Vec<Element>),
}

/// An element with text.
pub(crate) fn el(name: &'static str, text: impl Display) -> Element {
    Element { name, content: Content::Text(text.to_string()) }
}

/// An element with children, none at first.
pub(crate) fn node(name: &'static str) -> Element {
    Element { name, content: Content::Children(Vec::new()) }
}

/// An element with children that are there already; those of a list in EC2 are called `item`,
/// elsewhere `member` or after what they are.
pub(crate) fn list(name: &'static str, items: impl IntoIterator<Item = Element>) -> Element {
    Element { name, content: Content::Children(items.into_iter().collect()) }
}

/// What an operation answers; the protocol gives it its name and what is around it.
pub(crate) fn answer() -> Element {
    node("")
}

impl Element {
    /// Adds a child.
    pub(crate) fn with(mut self, child: Self) -> Self {
        self.push(child);
        self
    }

    /// Adds children.
    pub(crate) fn all(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().for_each(|child| self.push(child));
        self
    }

    /// Adds a child with text.
    pub(crate) fn text(self, name: &'static str, text: impl Display) -> Self {
        self.with(el(name, text))
    }

    /// Adds a child with text, when there is one.
    pub(crate) fn maybe(self, name: &'static str, text: Option<impl Display>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    fn push(&mut self, child: Self) {
        match &mut self.content {
            Content::Children(children) => children.push(child),
            // An element has either; what has text has no children.
            Content::Text(_) => self.content = Content::Children(vec![child]),
        }
    }

    /// The text of the first element of a name below this one.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let Content::Children(children) = &self.content else { return None };
        children.iter().find_map(|child| match &child.content {
            Content::Text(text) if child.name == name => Some(text.as_str()),
            _ => child.find(name),
        })
    }

    /// Writes what is inside the element.
    pub(super) fn write_content(&self, out: &mut String) {
        match &self.content {
            Content::Text(text) => escape(out, text),
            Content::Children(children) => children.iter().for_each(|child| child.write(out)),
        }
    }

    fn write(&self, out: &mut String) {
        let name = self.name;
        let _infallible = write!(out, "<{name}>");
        self.write_content(out);
        let _infallible = write!(out, "</{name}>");
    }
}

/// Writes text as it stands inside an element. Characters that XML cannot hold are replaced.
pub(super) fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(character),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(character),
        }
    }
}

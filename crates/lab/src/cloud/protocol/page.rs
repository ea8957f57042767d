use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::service::Service;

/// Which part of a list a caller wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Page {
    from: usize,
    most: usize,
}

impl Page {
    /// Of at most `most` entries, from where a token says; `None` when the token is none of ours.
    /// The fault `page_size` makes pages shorter, as a service may at any time.
    pub(crate) fn new(service: &Service, most: usize, token: Option<&str>) -> Option<Self> {
        let from = token.map_or(Some(0), position)?;
        let least = service.faults.cloud.page_size().unwrap_or(usize::MAX);
        Some(Self { from, most: most.min(least) })
    }

    /// Takes the part, and the token of the next when there is one.
    pub(crate) fn of<T>(&self, list: Vec<T>) -> (Vec<T>, Option<String>) {
        let end = self.from.saturating_add(self.most);
        let next = (end < list.len()).then(|| URL_SAFE_NO_PAD.encode(format!("lab:{end}")));
        (list.into_iter().skip(self.from).take(self.most).collect(), next)
    }
}

fn position(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    str::from_utf8(&bytes).ok()?.strip_prefix("lab:")?.parse().ok()
}

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::http::ApiError;
use crate::service::Service;

/// Which part of a list a caller wants.
pub(super) struct Page {
    from: usize,
    most: usize,
}

impl Page {
    /// Makes it shorter, as the fault `page_size` wants.
    pub(super) fn within(self, service: &Service) -> Self {
        let most = service.faults.cloud.page_size().unwrap_or(usize::MAX);
        Self { most: self.most.min(most), ..self }
    }

    /// Reads `MaxResults`, which has to be in `allowed` and is its greatest by default, and
    /// `NextToken`.
    pub(super) fn new(
        max_results: Option<i64>,
        token: Option<&str>,
        allowed: (usize, usize),
    ) -> Result<Self, ApiError> {
        let (least, most) = allowed;
        let limit = |word, limit| {
            let shown = format!("'{}'", max_results.unwrap_or_default());
            let constraint = format!("Member must have value {word} than or equal to {limit}");
            ApiError::constraint("maxResults", &shown, &constraint)
        };
        let most = match max_results.map(usize::try_from) {
            None => most,
            Some(Ok(n)) if (least..=most).contains(&n) => n,
            Some(Ok(n)) if n > most => return Err(limit("less", most)),
            Some(_) => return Err(limit("greater", least)),
        };
        let from = token.map_or(Some(0), position).ok_or_else(|| {
            ApiError::of_model("InvalidNextToken", "The specified token is not valid.")
        })?;
        Ok(Self { from, most })
    }

    /// Takes the part, and the token of the next when there is one.
    pub(super) fn of(&self, list: Vec<Value>) -> (Vec<Value>, Option<String>) {
        let end = self.from.saturating_add(self.most);
        let next = (end < list.len()).then(|| URL_SAFE_NO_PAD.encode(format!("lab:{end}")));
        (list.into_iter().skip(self.from).take(self.most).collect(), next)
    }
}

fn position(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    str::from_utf8(&bytes).ok()?.strip_prefix("lab:")?.parse().ok()
}

use adit_lab::Lab;
use bytes::Bytes;
use http::{Method, Request, Response};
use url::form_urlencoded::Serializer;

use super::http::{Signer, request, send};

/// A service that is called with forms and answers with XML.
#[derive(Clone, Copy)]
pub(crate) struct Query {
    /// As signatures name it.
    pub(crate) service: &'static str,
    /// The version of its API.
    pub(crate) version: &'static str,
}

pub(crate) const IAM: Query = Query { service: "iam", version: "2010-05-08" };

pub(crate) const STS: Query = Query { service: "sts", version: "2011-06-15" };

pub(crate) const RDS: Query = Query { service: "rds", version: "2014-10-31" };

pub(crate) const ELASTICACHE: Query = Query { service: "elasticache", version: "2015-02-02" };

pub(crate) const REDSHIFT: Query = Query { service: "redshift", version: "2012-12-01" };

/// An answer in XML.
#[derive(Clone, Debug)]
pub(crate) struct Xml(pub(crate) String);

impl Query {
    /// Calls an operation, signed with the lab's credentials; gives the status and the body.
    pub(crate) async fn call(
        self,
        lab: &Lab,
        operation: &str,
        params: &[(&str, &str)],
    ) -> (u16, Xml) {
        self.call_as(lab, &Signer::of(lab, self.service), operation, params).await
    }

    /// The same, signed by somebody.
    pub(crate) async fn call_as(
        self,
        lab: &Lab,
        signer: &Signer,
        operation: &str,
        params: &[(&str, &str)],
    ) -> (u16, Xml) {
        let mut request = self.request(lab, operation, params);
        signer.sign(&mut request);
        answer(&send(request).await)
    }

    /// The same, signed by nobody.
    pub(crate) async fn call_unsigned(
        self,
        lab: &Lab,
        operation: &str,
        params: &[(&str, &str)],
    ) -> (u16, Xml) {
        answer(&send(self.request(lab, operation, params)).await)
    }

    fn request(self, lab: &Lab, operation: &str, params: &[(&str, &str)]) -> Request<Bytes> {
        let mut form = Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", self.version);
        form.extend_pairs(params);
        let mut request = request(lab, Method::POST, "/", form.finish());
        let kind = "application/x-www-form-urlencoded".parse().expect("a header");
        request.headers_mut().insert("content-type", kind);
        request
    }

    /// The same, which has to be answered.
    pub(crate) async fn done(self, lab: &Lab, operation: &str, params: &[(&str, &str)]) -> Xml {
        let (status, xml) = self.call(lab, operation, params).await;
        assert_eq!(status, 200, "{operation}: {}", xml.0);
        xml
    }

    /// The same, which has to be refused; gives status, code and message.
    pub(crate) async fn refused(
        self,
        lab: &Lab,
        operation: &str,
        params: &[(&str, &str)],
    ) -> (u16, String, String) {
        let (status, xml) = self.call(lab, operation, params).await;
        assert_ne!(status, 200, "{operation}: {}", xml.0);
        (status, xml.text("Code"), xml.text("Message"))
    }
}

fn answer(response: &Response<Bytes>) -> (u16, Xml) {
    let body = String::from_utf8(response.body().to_vec()).expect("UTF-8");
    (response.status().as_u16(), Xml(body))
}

impl Xml {
    /// The first element of that name, which has to be there.
    pub(crate) fn text(&self, name: &str) -> String {
        let Some(text) = self.texts(name).into_iter().next() else {
            panic!("no {name} in {}", self.0);
        };
        text
    }

    /// Whether there is an element of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains(&format!("<{name}>"))
    }

    /// What is inside all elements of that name, in their order.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts = self.0.split(&open).skip(1);
        parts
            .filter_map(|part| part.split_once(&close))
            .map(|(text, _)| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
            .collect()
    }

    /// The elements of that name, to look into.
    pub(crate) fn parts(&self, name: &str) -> Vec<Self> {
        self.texts(name).into_iter().map(Self).collect()
    }
}

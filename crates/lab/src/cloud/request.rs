use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde_json::{Value, json};

use super::protocol::{Format, Params};
use super::{kafka, opensearch, sts};

/// A service, by the name in the scope of signatures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) format: Format,
    /// What tells its requests apart without a signature: the version of the API, the prefix of
    /// `X-Amz-Target`, or nothing.
    mark: &'static str,
}

const fn query(name: &'static str, mark: &'static str, namespace: &'static str) -> Target {
    Target { name, format: Format::Query { namespace }, mark }
}

const fn json(name: &'static str, mark: &'static str) -> Target {
    Target { name, format: Format::Json, mark }
}

const TARGETS: [Target; 11] = [
    Target { name: "ec2", format: Format::Ec2, mark: "2016-11-15" },
    query("iam", "2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/"),
    query("sts", "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/"),
    query("rds", "2014-10-31", "http://rds.amazonaws.com/doc/2014-10-31/"),
    query("elasticache", "2015-02-02", "http://elasticache.amazonaws.com/doc/2015-02-02/"),
    query("redshift", "2012-12-01", "http://redshift.amazonaws.com/doc/2012-12-01/"),
    json("memorydb", "AmazonMemoryDB"),
    json("ecs", "AmazonEC2ContainerServiceV20141113"),
    json("redshift-serverless", "RedshiftServerless"),
    Target { name: "es", format: Format::Rest, mark: "" },
    Target { name: "kafka", format: Format::Rest, mark: "" },
];

/// A request to one of the services, read.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: Target,
    pub(crate) operation: String,
    pub(super) params: Params,
    pub(super) json: Value,
    pub(super) path: String,
}

impl Request {
    /// Whether it asks for a further page of a list.
    pub(crate) fn continues(&self) -> bool {
        // Each service has its own word for where the page begins.
        ["NextToken", "nextToken", "Marker"]
            .into_iter()
            .any(|name| self.params.has(name) || !self.json[name].is_null())
    }

    /// Whether it comes without a signature, and nobody is its caller.
    pub(crate) fn is_unsigned(&self) -> bool {
        self.target.name == "sts" && sts::is_unsigned(&self.operation)
    }

    /// Reads a request; `None` when it is for none of the services. Bodies that cannot be read
    /// count as empty: operations then miss what they need.
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Option<Self> {
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let header = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let scope = scope(parts);
        if let Some((prefix, operation)) = header.and_then(|header| header.split_once('.')) {
            let target = TARGETS
                .into_iter()
                .find(|target| target.format == Format::Json && target.mark == prefix)?;
            let json = serde_json::from_slice(body).unwrap_or_else(|_| json!({}));
            let (operation, params) = (operation.to_owned(), Params::default());
            return Some(Self { target, operation, params, json, path });
        }
        if path == "/" && method == Method::POST {
            let params = Params::parse(body);
            let operation = params.get("Action")?.to_owned();
            let version = params.get("Version");
            let is_form =
                |target: &Target| matches!(target.format, Format::Ec2 | Format::Query { .. });
            let target = TARGETS.into_iter().find(|target| {
                is_form(target)
                    && scope.map_or(version == Some(target.mark), |scope| scope == target.name)
            })?;
            return Some(Self { target, operation, params, json: json!({}), path });
        }
        let (name, operation) = [
            ("es", opensearch::operation(&method, &path)),
            ("kafka", kafka::operation(&method, &path)),
        ]
        .into_iter()
        .find_map(|(name, operation)| Some((name, operation?)))?;
        let target = TARGETS.into_iter().find(|target| target.name == name)?;
        let params = Params::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let json = serde_json::from_slice(body).unwrap_or_else(|_| json!({}));
        let operation = operation.to_owned();
        Some(Self { target, operation, params, json, path })
    }
}

/// The service in the scope of a signature.
fn scope(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = value.split_once("Credential=")?;
    credential.split(',').next()?.trim().split('/').nth(3)
}

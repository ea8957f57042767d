//! A host that is known by its name only.

use std::collections::BTreeMap;

use super::entry::unusable;
use super::{Selector, Target, TargetSpec};
use crate::error::AwsError;

/// What is said is what is dialled: no call is made.
pub(super) fn target(spec: &TargetSpec) -> Result<Target, AwsError> {
    let (Selector::Id(host), Some(port), Some(vpc)) = (&spec.select, spec.port, &spec.vpc) else {
        return Err(unusable(format!("`{spec}` names no host, port and VPC"))
            .hint(format!("write {}", spec.kind.form())));
    };
    Ok(Target {
        kind: spec.kind,
        id: host.clone(),
        arn: None,
        endpoint: None,
        host: host.clone(),
        port,
        vpc: vpc.clone(),
        security_groups: Vec::new(),
        zones: Vec::new(),
        engine: None,
        status: None,
        warnings: Vec::new(),
        tags: BTreeMap::new(),
    })
}

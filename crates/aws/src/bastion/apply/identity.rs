//! Steps in IAM: role, policy, profile.

use aws_sdk_iam::types::Tag;
use serde_json::json;

use super::{Run, taken};
use crate::bastion::read::{find_profile, find_role, policy};
use crate::error::{AwsError, AwsErrorKind, failed, unbuilt};
use crate::naming;
use crate::tags::{self, Purpose, Tags};
use crate::wait::{CONSISTENCY, code, is_unseen, never, poll, retry};

const ALREADY_EXISTS: &str = "EntityAlreadyExists";

impl Run<'_> {
    pub(super) async fn create_role(
        &self,
        name: &str,
        boundary: Option<&str>,
        tags: &Tags,
    ) -> Result<(), AwsError> {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "ec2.amazonaws.com" },
                "Action": "sts:AssumeRole",
            }],
        });
        let tags = iam_tags(tags)?;
        let call = || async {
            let call = self
                .iam
                .create_role()
                .role_name(name)
                .path(naming::IAM_PATH)
                .description(format!("adit: the bastion of {}", self.vpc))
                .assume_role_policy_document(trust.to_string())
                .set_permissions_boundary(boundary.map(str::to_owned))
                .set_tags(Some(tags.clone()));
            call.send().await.map_err(failed(self.aws, "CreateRole"))
        };
        match retry(CONSISTENCY, call, never).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == ALREADY_EXISTS => {
                let find = || find_role(self.aws, &self.iam, name);
                let role = poll(CONSISTENCY, find, || ()).await?;
                let is_ours =
                    role.is_some_and(|role| tags::is_of(&role.tags, Purpose::Role, self.vpc));
                if is_ours { Ok(()) } else { Err(taken("role", name)) }
            }
            Err(error) if error.kind == AwsErrorKind::AccessDenied && boundary.is_none() => {
                Err(error
                    .hint("some accounts allow new roles only with a boundary: --permissions-boundary ARN")
                    .hint("without a role of its own: --bastion i-… takes an instance that is managed already"))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn set_boundary(&self, role: &str, boundary: &str) -> Result<(), AwsError> {
        let call = || async {
            let call = self
                .iam
                .put_role_permissions_boundary()
                .role_name(role)
                .permissions_boundary(boundary);
            let answer = call.send().await;
            answer.map_err(failed(self.aws, "PutRolePermissionsBoundary"))
        };
        retry(CONSISTENCY, call, is_unseen).await.map(drop)
    }

    pub(super) async fn put_policy(&self, role: &str) -> Result<(), AwsError> {
        let document = policy().to_string();
        let call = || async {
            let call = self
                .iam
                .put_role_policy()
                .role_name(role)
                .policy_name(naming::POLICY)
                .policy_document(&document);
            call.send().await.map_err(failed(self.aws, "PutRolePolicy"))
        };
        retry(CONSISTENCY, call, is_unseen).await.map(drop)
    }

    pub(super) async fn create_profile(&self, name: &str, tags: &Tags) -> Result<(), AwsError> {
        let tags = iam_tags(tags)?;
        let call = || async {
            let call = self
                .iam
                .create_instance_profile()
                .instance_profile_name(name)
                .path(naming::IAM_PATH)
                .set_tags(Some(tags.clone()));
            call.send().await.map_err(failed(self.aws, "CreateInstanceProfile"))
        };
        match retry(CONSISTENCY, call, never).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == ALREADY_EXISTS => {
                let find = || find_profile(self.aws, &self.iam, name);
                let profile = poll(CONSISTENCY, find, || ()).await?;
                let is_ours = profile
                    .is_some_and(|profile| tags::is_of(&profile.tags, Purpose::Profile, self.vpc));
                if is_ours { Ok(()) } else { Err(taken("instance profile", name)) }
            }
            Err(error) => Err(error),
        }
    }

    /// A profile takes one role. That it has one already is an error, also when it is this one.
    pub(super) async fn add_role(&self, profile: &str, role: &str) -> Result<(), AwsError> {
        let call = || async {
            let call = self
                .iam
                .add_role_to_instance_profile()
                .instance_profile_name(profile)
                .role_name(role);
            call.send().await.map_err(failed(self.aws, "AddRoleToInstanceProfile"))
        };
        let Err(error) = retry(CONSISTENCY, call, is_unseen).await else { return Ok(()) };
        if is_unseen(&error) {
            return Err(error);
        }
        let standing = find_profile(self.aws, &self.iam, profile).await?;
        if standing.is_some_and(|profile| profile.role.as_deref() == Some(role)) {
            Ok(())
        } else {
            Err(error)
        }
    }
}

fn iam_tags(tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| unbuilt(&error))
}

//! Credentials that can open one tunnel and nothing else.

use serde_json::json;

use crate::session_api::StartSession;

/// The session policy for `request`: to start that session on that node with that document, and to
/// resume and end sessions in the region, as the id of the one to come is not known yet. What the
/// role may not do it still may not.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html>
pub(crate) fn policy(request: &StartSession, role_arn: &str, region: &str) -> String {
    let mut parts = role_arn.split(':');
    let partition = parts.nth(1).unwrap_or("aws");
    let account = parts.nth(2).unwrap_or("*");
    let target = &request.target;
    let node = if target.starts_with("mi-") {
        format!("arn:{partition}:ssm:{region}:{account}:managed-instance/{target}")
    } else if let Some(task) = target.strip_prefix("ecs:") {
        // `ecs:CLUSTER_TASK_RUNTIME`: the permission is on the task.
        // The name of a cluster may have the sign in it, the ids have not.
        let mut names = task.rsplitn(3, '_').skip(1);
        let task = names.next().unwrap_or("*");
        let cluster = names.next().unwrap_or("*");
        format!("arn:{partition}:ecs:{region}:{account}:task/{cluster}/{task}")
    } else {
        format!("arn:{partition}:ec2:{region}:{account}:instance/{target}")
    };
    // Documents of AWS have no account in their ARN.
    let owner = if request.document.starts_with("AWS-") { "" } else { account };
    let document = format!("arn:{partition}:ssm:{region}:{owner}:document/{}", request.document);
    let sessions = format!("arn:{partition}:ssm:{region}:{account}:session/*");
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "ssm:StartSession",
                "Resource": [node, document],
            },
            {
                "Effect": "Allow",
                "Action": ["ssm:ResumeSession", "ssm:TerminateSession", "ssmmessages:OpenDataChannel"],
                "Resource": sessions,
            },
        ],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str, document: &str) -> String {
        let request = StartSession {
            target: target.to_owned(),
            document: document.to_owned(),
            ..StartSession::default()
        };
        policy(&request, "arn:aws-cn:iam::111122223333:role/dev", "cn-north-1")
    }

    #[test]
    fn the_policy_names_the_node_and_the_document() {
        let text = of("i-0123456789abcdef0", "AWS-StartPortForwardingSessionToRemoteHost");
        insta::assert_snapshot!(text);
        assert!(text.len() < 2048, "STS takes 2,048 characters");
    }

    #[test]
    fn other_nodes_and_own_documents_have_their_arns() {
        let text = of("mi-0123456789abcdef0", "adit-forward");
        assert!(text.contains(
            "arn:aws-cn:ssm:cn-north-1:111122223333:managed-instance/mi-0123456789abcdef0"
        ));
        assert!(text.contains("arn:aws-cn:ssm:cn-north-1:111122223333:document/adit-forward"));
        let text = of("ecs:prod_0123abcd_0123abcd-456", "adit-forward");
        assert!(text.contains("arn:aws-cn:ecs:cn-north-1:111122223333:task/prod/0123abcd"));
        let text = of("ecs:prod_eu_0123abcd_0123abcd-456", "adit-forward");
        assert!(text.contains(":task/prod_eu/0123abcd\""));
    }
}

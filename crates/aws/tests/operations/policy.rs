//! The policies of the reference: they allow what is called, and nothing that is not.

use std::collections::BTreeSet;

use adit_lab::FaultRequest;
use serde_json::Value;

use super::{DEPENDENT, actions};
use crate::denied::{STORIES, Scene, Story};

/// The policies that the reference prints, by what they are for: to set up, and to connect.
fn policies() -> [Value; 2] {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference.md");
    let text = std::fs::read_to_string(path).expect("the reference");
    let (_, chapter) = text.split_once("\n## Permissions\n").expect("its chapter");
    let (chapter, _) = chapter.split_once("\n## ").expect("the end of the chapter");
    let blocks = chapter.split("```json\n").skip(1);
    let policies: Vec<Value> = blocks
        .map(|block| block.split("```").next().unwrap_or_default())
        .map(|json| serde_json::from_str(json).expect("JSON"))
        .collect();
    policies.try_into().expect("two policies")
}

/// All that the statements of a policy allow.
fn allowed(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements");
    let actions = statements.iter().flat_map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        assert!(!statement["Resource"].is_null(), "{statement}");
        match &statement["Action"] {
            Value::Array(actions) => actions.clone(),
            one => vec![one.clone()],
        }
    });
    actions.map(|action| action.as_str().expect("an action").to_owned()).collect()
}

/// What only those who connect call, or what nobody has to be allowed.
const NOT_TO_SET_UP: [&str; 6] = [
    "ecs:DescribeTasks",
    "ssm:GetDocument",
    "ssm:ResumeSession",
    "ssm:StartSession",
    "ssm:TerminateSession",
    "sts:GetCallerIdentity",
];

#[test]
fn the_policies_name_what_is_called_and_no_more() {
    let [set_up, connect] = policies().map(|policy| allowed(&policy));
    let called: BTreeSet<_> = actions().chain(DEPENDENT.map(str::to_owned)).collect();
    let wanted: BTreeSet<_> =
        called.iter().filter(|action| !NOT_TO_SET_UP.contains(&action.as_str())).cloned().collect();
    assert_eq!(set_up, wanted);
    let more: Vec<_> = connect.difference(&called).collect();
    // The data channel is opened without the SDK.
    assert_eq!(more, ["ssmmessages:OpenDataChannel"]);
    let changing: Vec<_> = connect
        .iter()
        .filter(|action| action.starts_with("ec2:") && !action.starts_with("ec2:Describe"))
        .collect();
    assert_eq!(changing, ["ec2:StartInstances"]);
    assert!(connect.iter().all(|action| !action.starts_with("iam:")), "{connect:?}");
}

/// With nothing else allowed, no command is refused anything.
#[tokio::test]
async fn the_policies_are_enough() {
    let [set_up, connect] = policies().map(|policy| allowed(&policy));
    for story in STORIES {
        let mut allow = match story {
            Story::Connect | Story::Resolve => connect.clone(),
            // Containers are bastions of others, which the policy does not cover.
            Story::ConnectByTag => continue,
            _ => set_up.clone(),
        };
        let scene = Scene::set(story).await;
        // The test itself breaks something on the way.
        allow.extend(["ec2:DescribeNatGateways", "ec2:DeleteNatGateway"].map(str::to_owned));
        let allow = Some(Some(allow.into_iter().collect()));
        scene.world.fault(FaultRequest { allow, ..FaultRequest::default() });
        let refused = scene.play(story).await;
        let refused: Vec<_> = refused.iter().map(|refusal| &refusal.text).collect();
        assert!(refused.is_empty(), "{story:?}: {refused:?}");
    }
}

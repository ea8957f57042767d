use super::*;
use crate::fake::Fake;

fn parse(text: &str) -> ExistingSpec {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn names_are_read_as_they_are_written() {
    for text in [
        "i-0123456789abcdef0",
        "mi-0123456789abcdef0",
        "tag:role=jump host",
        "tag:empty=",
        "ecs:prod/0123456789abcdef0123456789abcdef/app",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
    for text in [
        "",
        "i-",
        "i-xyz",
        "jump",
        "mi-",
        "tag:",
        "tag:=x",
        "tag:role",
        "ecs:prod/1",
        "ecs:a/b/c/d",
        "ecs:a//c",
    ] {
        let error = text.parse::<ExistingSpec>().unwrap_err();
        assert!(error.to_string().contains("tag:KEY=VALUE"), "{text}: {error}");
    }
}

#[tokio::test]
async fn an_id_needs_no_call() {
    let fake = Fake::new(vec![(500, "")]).await;
    let aws = fake.aws().await;
    for text in ["i-0123456789abcdef0", "mi-0123456789abcdef0"] {
        let existing = resolve_existing(&aws, &parse(text)).await.unwrap();
        assert_eq!(existing.target, text);
    }
    assert!(fake.asked().is_empty());
}

/// As <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html> shows.
fn task(status: &str, agent: &str) -> &'static str {
    let text = format!(
        r#"{{"tasks":[{{"clusterArn":"arn:aws:ecs:eu-west-1:111122223333:cluster/prod",
        "taskArn":"arn:aws:ecs:eu-west-1:111122223333:task/prod/0123456789abcdef",
        "lastStatus":"{status}","containers":[{{"name":"app","runtimeId":"0123456789abcdef-42",
        "managedAgents":[{{"name":"ExecuteCommandAgent","lastStatus":"{agent}"}}]}}]}}],"failures":[]}}"#
    );
    Box::leak(text.into_boxed_str())
}

async fn in_task(text: &'static str, spec: &str) -> Result<Existing, AwsError> {
    let fake = Fake::new(vec![(200, text)]).await;
    resolve_existing(&fake.aws().await, &parse(spec)).await
}

#[tokio::test]
async fn a_container_is_named_by_cluster_task_and_runtime() {
    let existing =
        in_task(task("RUNNING", "RUNNING"), "ecs:prod/0123456789abcdef/app").await.unwrap();
    assert_eq!(existing.target, "ecs:prod_0123456789abcdef_0123456789abcdef-42");
}

#[tokio::test]
async fn a_container_without_sessions_is_told_why() {
    let spec = "ecs:prod/0123456789abcdef/app";
    let error = in_task(task("STOPPED", "RUNNING"), spec).await.unwrap_err();
    assert_eq!(error.message, "the task 0123456789abcdef is stopped");
    let error = in_task(task("RUNNING", "STOPPED"), spec).await.unwrap_err();
    assert!(error.hints[0].contains("--enable-execute-command"), "{:?}", error.hints);
    let error =
        in_task(task("RUNNING", "RUNNING"), "ecs:prod/0123456789abcdef/db").await.unwrap_err();
    assert_eq!(error.hints, ["it has app"]);
    let error = in_task(r#"{"tasks":[],"failures":[]}"#, spec).await.unwrap_err();
    assert!(error.message.contains("no task 0123456789abcdef"), "{}", error.message);
}

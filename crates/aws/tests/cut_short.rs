//! Runs that are killed at a request: each is tried, before it is done and after. The next run finishes
//! what is left, and nothing is there twice.

use adit_aws::bastion::{self, Desired, Scope};
use adit_aws::targets::{Target, TargetSpec, resolve};
use adit_lab::{FaultRequest, HoldCall, When};

use crate::support::census::{Census, ONE_TARGET, WITH_ENDPOINTS};
use crate::support::network::Way;
use crate::support::{World, desired};

/// A world with a database, and what is to be set up for it.
struct Story {
    world: World,
    spec: TargetSpec,
    create_endpoints: bool,
    /// What stands when all is done.
    complete: Census,
}

impl Story {
    async fn begin(way: Way) -> Self {
        let world = World::start().await;
        let vpc = world.network(way, &["us-east-1a", "us-east-1b"]).await;
        let group = world.group(&vpc, "orders").await;
        world.database(&vpc, "orders", &[&group]).await;
        let create_endpoints = way == Way::Isolated;
        let complete = if create_endpoints { WITH_ENDPOINTS } else { ONE_TARGET };
        let spec = "rds:orders".parse().expect("a target");
        Self { world, spec, create_endpoints, complete }
    }

    fn desired(&self, target: &Target) -> Desired {
        let mut desired = desired(&target.vpc, std::slice::from_ref(target));
        desired.options.create_endpoints = self.create_endpoints;
        desired
    }

    /// All that `adit init` asks of AWS.
    async fn init(&self) {
        let target = Box::pin(resolve(&self.world.aws, &self.spec)).await.expect("the target");
        self.world.init(&self.desired(&target)).await;
    }

    /// All that `adit cleanup` asks of AWS.
    async fn cleanup(&self) {
        let removed = self.world.cleanup(&Scope::default()).await.1;
        assert!(removed.failed.is_empty(), "{:#?}", removed.failed);
    }

    /// Runs `work` up to its `call`-th request and drops it there; false when it ended before.
    async fn cut(&self, call: u64, when: When, work: impl Future<Output = ()>) -> bool {
        let hold = |hold| FaultRequest { hold: Some(hold), ..FaultRequest::default() };
        self.world.fault(hold(Some(HoldCall { call, when })));
        let faults = self.world.lab.faults();
        let is_cut = tokio::select! {
            () = work => false,
            _ = faults.until_held() => true,
        };
        faults.until_none_is_held().await;
        self.world.fault(hold(None));
        is_cut
    }

    /// Nothing is missing, and nothing is there twice.
    async fn is_complete(&self, at: &str) {
        assert_eq!(self.world.census().await, self.complete, "{at}");
        let target = Box::pin(resolve(&self.world.aws, &self.spec)).await.expect("the target");
        let plan = self.world.plan(&self.desired(&target)).await;
        assert!(plan.steps.is_empty(), "{at}: {:#?}", plan.steps);
        assert!(plan.warnings.is_empty(), "{at}: {:#?}", plan.warnings);
        let id = plan.bastion.expect("a bastion").id;
        let diagnosis = Box::pin(bastion::diagnose(&self.world.aws, &id)).await;
        assert_eq!(diagnosis.expect("a diagnosis").cause, bastion::Cause::None, "{at}");
    }
}

/// Kills `init` at each of its requests in turn; gives how many there were.
async fn init_cut_short(way: Way, when: When) -> u64 {
    let story = Story::begin(way).await;
    for call in 1.. {
        let at = format!("init killed at its request {call} ({when:?})");
        let is_cut = story.cut(call, when, story.init()).await;
        story.init().await;
        story.is_complete(&at).await;
        story.cleanup().await;
        assert_eq!(story.world.census().await, Census::default(), "{at}");
        if !is_cut {
            return call - 1;
        }
    }
    unreachable!("there is no end of numbers")
}

/// The same for `cleanup`.
async fn cleanup_cut_short(way: Way, when: When) -> u64 {
    let story = Story::begin(way).await;
    for call in 1.. {
        let at = format!("cleanup killed at its request {call} ({when:?})");
        story.init().await;
        let is_cut = story.cut(call, when, story.cleanup()).await;
        story.cleanup().await;
        assert_eq!(story.world.census().await, Census::default(), "{at}");
        if !is_cut {
            return call - 1;
        }
    }
    unreachable!("there is no end of numbers")
}

/// The requests that change something are tried for certain when there are so many in all.
fn enough(calls: u64, least: u64) {
    assert!(calls >= least, "only {calls} requests were made");
}

#[tokio::test]
async fn init_can_be_killed_before_any_request() {
    enough(init_cut_short(Way::Nat, When::Before).await, 30);
}

#[tokio::test]
async fn init_can_be_killed_after_any_request() {
    enough(init_cut_short(Way::Nat, When::After).await, 30);
}

#[tokio::test]
async fn init_with_endpoints_can_be_killed_before_any_request() {
    enough(init_cut_short(Way::Isolated, When::Before).await, 35);
}

#[tokio::test]
async fn init_with_endpoints_can_be_killed_after_any_request() {
    enough(init_cut_short(Way::Isolated, When::After).await, 35);
}

#[tokio::test]
async fn cleanup_can_be_killed_before_any_request() {
    enough(cleanup_cut_short(Way::Nat, When::Before).await, 20);
}

#[tokio::test]
async fn cleanup_can_be_killed_after_any_request() {
    enough(cleanup_cut_short(Way::Nat, When::After).await, 20);
}

#[tokio::test]
async fn cleanup_of_endpoints_can_be_killed_before_any_request() {
    enough(cleanup_cut_short(Way::Isolated, When::Before).await, 25);
}

#[tokio::test]
async fn cleanup_of_endpoints_can_be_killed_after_any_request() {
    enough(cleanup_cut_short(Way::Isolated, When::After).await, 25);
}

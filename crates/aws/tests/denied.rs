//! Each call refused in turn: what is said then.

use std::collections::BTreeSet;
use std::fmt::Write;

use adit_aws::bastion::{self, ExistingSpec, Scope};
use adit_aws::targets::{self, Kind, TargetSpec};
use adit_aws::{AwsError, SessionApi, StartSession};
use adit_lab::Lab;

use crate::operations::{DEPENDENT, OPERATIONS, actions};
use crate::support::network::Way;
use crate::support::{World, desired};

/// A command in a situation in which it makes calls that others do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Story {
    Init,
    InitWithEndpoints,
    InitThatRepairs,
    InitThatMakesTheProfileAnew,
    List,
    Resolve,
    Connect,
    ConnectByTag,
    Cleanup,
    CleanupOfATarget,
}

pub(crate) const STORIES: [Story; 10] = [
    Story::Init,
    Story::InitWithEndpoints,
    Story::InitThatRepairs,
    Story::InitThatMakesTheProfileAnew,
    Story::List,
    Story::Resolve,
    Story::Connect,
    Story::ConnectByTag,
    Story::Cleanup,
    Story::CleanupOfATarget,
];

const BOUNDARY: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A world in which a story begins.
pub(crate) struct Scene {
    pub(crate) world: World,
    vpc: String,
    /// The group of the databases.
    group: String,
}

impl Scene {
    pub(crate) async fn set(story: Story) -> Self {
        let world = World::start().await;
        let is_isolated = matches!(story, Story::InitWithEndpoints | Story::Cleanup);
        let way = if is_isolated { Way::Isolated } else { Way::Nat };
        let vpc = world.network(way, &["us-east-1a", "us-east-1b"]).await;
        let group = world.group(&vpc, "orders").await;
        let scene = Self { world, vpc, group };
        if matches!(story, Story::Init | Story::InitWithEndpoints | Story::List | Story::Resolve) {
            if story != Story::Resolve {
                drop(scene.database("orders").await);
            }
            return scene;
        }
        let orders = scene.database("orders").await;
        let mut desired = desired(&scene.vpc, &[orders]);
        desired.options.create_endpoints = is_isolated;
        let id = scene.world.init(&desired).await.bastion.expect("a bastion");
        match story {
            Story::InitThatRepairs => scene.harm().await,
            Story::InitThatMakesTheProfileAnew => scene.remove_profile(&id).await,
            Story::Connect | Story::ConnectByTag => {
                let ec2 = scene.world.ec2();
                ec2.stop_instances().instance_ids(&id).send().await.expect("stopped");
            }
            Story::Cleanup => {
                let call = scene.world.iam().attach_role_policy().role_name(scene.name());
                call.policy_arn(BOUNDARY).send().await.expect("attached");
            }
            Story::CleanupOfATarget => {
                let users = scene.database("users").await;
                desired.targets.push(users);
                scene.world.init(&desired).await;
            }
            _ => {}
        }
        scene
    }

    fn name(&self) -> String {
        format!("adit-bastion-{}", self.vpc)
    }

    async fn database(&self, id: &str) -> targets::Target {
        self.world.database(&self.vpc, id, &[&self.group]).await
    }

    /// A second database that needs the same rule, and a bastion without its profile.
    async fn harm(&self) {
        self.database("users").await;
        let ec2 = self.world.ec2();
        let links = ec2.describe_iam_instance_profile_associations().send().await.expect("links");
        let link = links.iam_instance_profile_associations()[0].association_id().expect("its id");
        ec2.disassociate_iam_instance_profile().association_id(link).send().await.expect("gone");
    }

    /// A bastion with another group, whose profile is gone.
    async fn remove_profile(&self, id: &str) {
        let ec2 = self.world.ec2();
        let call = ec2.modify_instance_attribute().instance_id(id).groups(&self.group);
        call.send().await.expect("another group");
        let (iam, name) = (self.world.iam(), self.name());
        let call = iam.remove_role_from_instance_profile().instance_profile_name(&name);
        call.role_name(&name).send().await.expect("removed");
        let call = iam.delete_instance_profile().instance_profile_name(&name);
        call.send().await.expect("deleted");
    }

    /// Does what the command does; gives what it was refused, with what it says to that.
    pub(crate) async fn play(&self, story: Story) -> Vec<Refusal> {
        let result = match story {
            Story::Init | Story::InitWithEndpoints | Story::InitThatMakesTheProfileAnew => {
                self.init(story, &["orders"]).await
            }
            Story::InitThatRepairs => self.init(story, &["orders", "users"]).await,
            Story::List => return self.list().await,
            Story::Resolve => return self.resolve_all().await,
            Story::Connect => self.connect().await.map_err(Refusal::of),
            Story::ConnectByTag => self.connect_by_tag().await.map_err(Refusal::of),
            Story::Cleanup => return self.cleanup(&Scope::default()).await,
            Story::CleanupOfATarget => {
                let target = Some("rds:orders".to_owned());
                return self.cleanup(&Scope { vpc: None, target }).await;
            }
        };
        result.err().into_iter().collect()
    }

    async fn init(&self, story: Story, databases: &[&str]) -> Result<(), Refusal> {
        let mut targets = Vec::new();
        for id in databases {
            targets.push(self.resolve(&format!("rds:{id}")).await.map_err(Refusal::of)?);
        }
        let mut desired = desired(&self.vpc, &targets);
        desired.options.create_endpoints = story == Story::InitWithEndpoints;
        if story == Story::InitThatRepairs {
            desired.options.permissions_boundary = Some(BOUNDARY.to_owned());
        }
        if story == Story::Init {
            desired.options.instance_type = Some("t4g.micro".to_owned());
        }
        let aws = &self.world.aws;
        let inventory = Box::pin(bastion::inventory(aws, &desired)).await.map_err(Refusal::of)?;
        let plan = bastion::plan(&inventory, &desired).expect("a plan");
        match Box::pin(bastion::apply(aws, &plan, |_| ())).await {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(Refusal { text: error.to_string(), hints: error.hints(), error: error.error })
            }
        }
    }

    async fn resolve(&self, spec: &str) -> Result<targets::Target, AwsError> {
        let spec: TargetSpec = spec.parse().expect("a target");
        Box::pin(targets::resolve(&self.world.aws, &spec)).await
    }

    async fn list(&self) -> Vec<Refusal> {
        let aws = &self.world.aws;
        let listing = Box::pin(targets::list(aws, &Kind::ALL)).await;
        let mut refused: Vec<_> = listing.failures.into_iter().map(|(_, error)| error).collect();
        let bastions = bastion::find(aws, None).await;
        let own = bastions.as_ref().map(|bastions| bastions.own.as_slice()).unwrap_or_default();
        refused.extend(bastion::prepared(aws, own).await.err());
        refused.extend(bastions.err());
        refused.extend(adit_aws::network::vpcs(aws).await.err());
        refused.into_iter().map(Refusal::of).collect()
    }

    /// One of each kind, none of which is there.
    async fn resolve_all(&self) -> Vec<Refusal> {
        let mut refused = Vec::new();
        for kind in Kind::ALL {
            let spec = match kind {
                Kind::Host => continue,
                Kind::Ec2 => "ec2:i-0123456789abcdef0:5432".to_owned(),
                kind => format!("{kind}:orders"),
            };
            refused.extend(self.resolve(&spec).await.err());
        }
        refused.retain(|error| error.denial.is_some());
        refused.into_iter().map(Refusal::of).collect()
    }

    /// All of a session, and what is asked when it does not come about.
    async fn connect(&self) -> Result<(), AwsError> {
        let aws = &self.world.aws;
        self.resolve("rds:orders").await?;
        let id = bastion::find(aws, None).await?.own.remove(0).id;
        Box::pin(bastion::start(aws, &id, |_| ())).await?;
        let api = SessionApi::new(aws);
        let request = StartSession {
            target: id.clone(),
            document: "AWS-StartPortForwardingSession".to_owned(),
            parameters: vec![("portNumber".to_owned(), "5432".to_owned())],
            reason: None,
        };
        let session = api.start_session(request).await?;
        api.resume_session(&session.session_id).await?;
        api.terminate_session(&session.session_id).await?;
        adit_aws::preferences(aws).await?;
        // Nothing leads out any more: the diagnosis looks at the network.
        let ec2 = self.world.ec2();
        let nats = ec2.describe_nat_gateways().send().await.expect("NAT gateways");
        let nat = nats.nat_gateways()[0].nat_gateway_id().expect("its id");
        ec2.delete_nat_gateway().nat_gateway_id(nat).send().await.expect("deleted");
        Box::pin(bastion::diagnose(aws, &id)).await.map(drop)
    }

    async fn connect_by_tag(&self) -> Result<(), AwsError> {
        for spec in ["tag:adit:purpose=none", "ecs:cluster/task/container"] {
            let spec: ExistingSpec = spec.parse().expect("a bastion");
            let found = Box::pin(bastion::resolve_existing(&self.world.aws, &spec)).await;
            if let Err(error) = found
                && error.denial.is_some()
            {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn cleanup(&self, scope: &Scope) -> Vec<Refusal> {
        let aws = &self.world.aws;
        let leftovers = match Box::pin(bastion::find_leftovers(aws, scope)).await {
            Ok(leftovers) => leftovers.without_what_is_in_use(),
            Err(error) => return vec![Refusal::of(error)],
        };
        let removed = Box::pin(bastion::remove(aws, &leftovers, false, |_| ())).await;
        let refused = removed.failed.into_iter().map(|left| {
            let mut refusal = Refusal::of(left.error);
            refusal.hints.push(format!("by hand: {}", left.command));
            refusal
        });
        refused.collect()
    }
}

/// What a command says to a refused call.
pub(crate) struct Refusal {
    pub(crate) text: String,
    hints: Vec<String>,
    error: AwsError,
}

impl Refusal {
    fn of(error: AwsError) -> Self {
        Self { text: error.message.clone(), hints: error.hints.clone(), error }
    }

    fn is_of(&self, action: &str) -> bool {
        let denial = self.error.denial.as_deref();
        denial.and_then(|denial| denial.action.as_deref()) == Some(action)
    }
}

/// The actions that may be meant by the names of calls: some are called alike in several services.
fn candidates(called: &[String]) -> BTreeSet<String> {
    let named = OPERATIONS.into_iter().flat_map(|service| {
        let called = service.operations.iter().filter(|name| called.iter().any(|one| one == *name));
        called.map(move |name| format!("{}:{name}", service.prefix))
    });
    named.chain(DEPENDENT.map(str::to_owned)).collect()
}

/// A text without what differs from run to run.
fn settled(text: &str, endpoint: &str) -> String {
    let text = text.replace(&format!("at {endpoint}"), &format!("in {}", Lab::REGION));
    let mut parts = text.split("-0");
    let mut settled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.chars().take_while(char::is_ascii_hexdigit).count();
        settled.push_str(if digits == 16 { "-…" } else { "-0" });
        settled.push_str(if digits == 16 { &part[16..] } else { part });
    }
    settled
}

/// A statement allows the action on what was refused.
fn helps(statement: &str, action: &str, resource: &str) -> bool {
    let value: serde_json::Value = serde_json::from_str(statement).expect("JSON");
    let resources = match &value["Resource"] {
        serde_json::Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let is_covered = resources.iter().filter_map(|one| one.as_str()).any(|one| {
        one == resource || one.strip_suffix('*').is_some_and(|start| resource.starts_with(start))
    });
    value["Effect"] == "Allow" && value["Action"] == action && is_covered
}

/// Where a bastion stands, who may not look at IAM is told so in the plan, and the rest is done; the
/// bastion of these stories then never comes online.
fn goes_on(story: Story, action: &str) -> bool {
    matches!(story, Story::InitThatRepairs | Story::InitThatMakesTheProfileAnew)
        && action.starts_with("iam:Get")
}

/// Every call of every command is refused once. The texts are in the snapshot; that they name all
/// that helps is checked besides.
#[tokio::test]
async fn every_refusal_names_what_would_help() {
    let mut text = String::new();
    let mut told = BTreeSet::new();
    let mut called = BTreeSet::new();
    for story in STORIES {
        let scene = Scene::set(story).await;
        let before = scene.world.calls();
        let refused = scene.play(story).await;
        assert!(refused.is_empty(), "{story:?}: {}", refused[0].text);
        let mut left_out = Vec::new();
        for action in candidates(&scene.world.called_since(&before)) {
            if goes_on(story, &action) {
                continue;
            }
            let scene = Scene::set(story).await;
            scene.world.deny(&[&action]);
            let refused = scene.play(story).await;
            let Some(refusal) = refused.iter().find(|refusal| refusal.is_of(&action)) else {
                left_out.push(action);
                continue;
            };
            called.insert(action.clone());
            let denial = refusal.error.denial.as_deref().expect("a denial");
            let endpoint = scene.world.lab.endpoint();
            let block = settled(&refusal.text, &endpoint);
            let hints: Vec<_> = refusal.hints.iter().map(|hint| settled(hint, &endpoint)).collect();
            assert_eq!(denial.principal.as_deref(), Some("arn:aws:iam::111122223333:user/lab"));
            assert_eq!(denial.account.as_deref(), Some("111122223333"), "{action}");
            assert!(block.contains("user/lab may not") && block.contains(&action), "{block}");
            let statement = denial.statement().expect("a statement");
            let resource = denial.resource.as_deref().unwrap_or("*");
            assert!(helps(&statement, &action, resource), "{statement} for {resource}");
            let is_told = |hint: &String| {
                hint.contains(&settled(&statement, &endpoint)) && hint.contains("the user lab")
            };
            assert!(hints.iter().any(is_told), "{hints:?}");
            // The same words in another command are not repeated.
            if told.insert((block.clone(), hints.clone())) {
                let _ = writeln!(text, "== {story:?}: {action}\n{block}");
                for hint in &hints {
                    let _ = writeln!(text, "> {hint}");
                }
            }
        }
        left_out.retain(|action| !called.contains(action));
        let _ = writeln!(text, "== {story:?}: not refused: {}\n", left_out.join(", "));
    }
    let never: Vec<_> = actions().filter(|action| !called.contains(action)).collect();
    let _ = writeln!(text, "== never refused: {}", never.join(", "));
    insta::assert_snapshot!(text);
}

use super::*;
use crate::network::Subnet;

fn instance(state: State) -> Bastion {
    Bastion {
        id: "i-1".to_owned(),
        state,
        launched: "2026-11-21T10:00:00Z".to_owned(),
        vpc: "vpc-1".to_owned(),
        subnet: "subnet-1".to_owned(),
        zone: "eu-west-1a".to_owned(),
        instance_type: "t4g.micro".to_owned(),
        image: "ami-1".to_owned(),
        public_ip: None,
        profile: Some("arn:aws:iam::111122223333:instance-profile/adit/x".to_owned()),
        profile_id: None,
        groups: Vec::new(),
        owner: None,
        attached: None,
        state_reason: None,
    }
}

fn place(class: Class) -> Classified {
    Classified {
        subnet: Subnet::default(),
        class,
        why: "its route says so".to_owned(),
        refusals: Vec::new(),
    }
}

fn offline() -> Reachability {
    Reachability::Offline { last_ping: "2026-11-20T10:00:00Z".to_owned() }
}

#[test]
fn the_state_explains_most() {
    for (state, cause, hint) in [
        (State::Stopped, Cause::Stopped, "start-instances --instance-ids i-1"),
        (State::Stopping, Cause::Stopped, "start-instances --instance-ids i-1"),
        (State::Pending, Cause::Starting, "about a minute"),
        (State::Terminated, Cause::Gone, "adit init"),
        (State::ShuttingDown, Cause::Gone, "adit init"),
    ] {
        let diagnosis = explain(&instance(state), &offline(), None);
        assert_eq!(diagnosis.cause, cause);
        assert!(diagnosis.hints[0].contains(hint), "{:?}", diagnosis.hints);
        assert!(diagnosis.message.contains(state.as_str()) || state == State::Pending);
    }
    let online = Reachability::Online { last_ping: "2026-11-21T10:05:00Z".to_owned() };
    assert_eq!(explain(&instance(State::Running), &online, None).cause, Cause::None);
}

#[test]
fn a_silent_agent_is_explained_by_what_it_lacks() {
    let hints = |instance: &Bastion, place: &Classified| {
        explain(instance, &Reachability::NotRegistered, Some(place)).hints
    };
    let running = instance(State::Running);
    let isolated = hints(&running, &place(Class::Isolated));
    assert!(isolated[0].contains("--create-endpoints"), "{isolated:?}");
    let public = hints(&running, &place(Class::Public));
    assert!(public[0].contains("no public address"), "{public:?}");

    let refused =
        Classified { refusals: vec!["vpce-1 does not let it in".to_owned()], ..place(Class::Nat) };
    assert_eq!(hints(&running, &refused), ["vpce-1 does not let it in"]);

    let bare = Bastion { profile: None, ..running.clone() };
    assert!(hints(&bare, &place(Class::Nat))[0].contains("no instance profile"));

    let unexplained = hints(&running, &place(Class::Nat));
    assert!(unexplained.iter().any(|hint| hint.contains("get-console-output")), "{unexplained:?}");
    let told = explain(&running, &offline(), None);
    assert_eq!(told.cause, Cause::Offline);
    assert!(told.message.contains("last heard at 2026-11-20T10:00:00Z"));
}

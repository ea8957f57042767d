use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex};

use tokio::sync::watch;

use super::*;

/// Gives prepared answers and keeps what it was asked.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) answers: Mutex<VecDeque<Result<&'static str, CodeError>>>,
    pub(crate) asked: Mutex<Vec<CodeRequest>>,
    pub(crate) attended: bool,
}

impl Prepared {
    pub(crate) fn new(answers: &[&'static str]) -> Self {
        Self {
            answers: Mutex::new(answers.iter().map(|code| Ok(*code)).collect()),
            asked: Mutex::default(),
            attended: true,
        }
    }

    fn failing(error: CodeError) -> Self {
        Self { answers: Mutex::new([Err(error)].into()), ..Self::new(&[]) }
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl CodeSource for Prepared {
    fn code<'a>(&'a self, ask: &'a CodeRequest) -> BoxFuture<'a, Result<Code, CodeError>> {
        self.asked.lock().unwrap().push(ask.clone());
        let next = self.answers.lock().unwrap().pop_front().unwrap_or(Err(CodeError::Used));
        let answer = next.map(|code| Code { device: 0, code: Zeroizing::new(code.to_owned()) });
        Box::pin(std::future::ready(answer))
    }

    fn attended(&self) -> bool {
        self.attended
    }
}

fn pace() -> Pace<'static> {
    static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::system);
    static NOTICES: LazyLock<Notices> = LazyLock::new(Notices::default);
    Pace { clock: &CLOCK, notices: &NOTICES }
}

fn devices() -> Vec<Device> {
    let serial = "arn:aws:iam::111122223333:mfa/alice-phone".to_owned();
    vec![Device { serial, origin: Origin::named("--mfa-serial") }]
}

fn wrong() -> Refusal {
    Refusal::Code(AwsError::new(AwsErrorKind::CodeFailed, "the MFA code was not accepted"))
}

/// Tries the codes of `source` with a service that takes `right` alone, and says which it saw.
async fn tried(source: &Prepared, right: &str) -> (Result<String, AwsError>, Vec<String>) {
    let seen = Mutex::new(Vec::new());
    let result = prove(Some(source), pace(), devices(), |_, code| {
        seen.lock().unwrap().push(code.to_string());
        let answer = if code.as_str() == right { Ok(code.to_string()) } else { Err(wrong()) };
        std::future::ready(answer)
    })
    .await;
    (result, seen.into_inner().unwrap())
}

#[tokio::test]
async fn a_wrong_code_is_complained_of_and_asked_for_again() {
    let source = Prepared::new(&["111111", " 222222 "]);
    let (result, seen) = tried(&source, "222222").await;
    assert_eq!(result.unwrap(), "222222");
    assert_eq!(seen, ["111111", "222222"]);
    let asked = source.asked.lock().unwrap();
    assert_eq!((asked[0].attempt, asked[0].of, asked[0].complaint.as_deref()), (1, 3, None));
    assert_eq!(asked[1].attempt, 2);
    assert_eq!(asked[1].complaint.as_deref(), Some("the MFA code was not accepted"));
    assert_eq!(asked[0].devices[0].name(), "alice-phone");
}

#[tokio::test]
async fn after_three_codes_it_is_over() {
    let source = Prepared::new(&["111111", "222222", "333333", "444444"]);
    let (result, seen) = tried(&source, "444444").await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::CodeFailed);
    assert!(error.message.starts_with("3 codes were refused"), "{}", error.message);
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_code_that_cannot_be_right_is_not_sent() {
    let source = Prepared::new(&["111111", "111111", "12345x"]);
    let (result, seen) = tried(&source, "999999").await;
    assert!(result.is_err());
    assert_eq!(seen, ["111111"]);
    let asked = source.asked.lock().unwrap();
    let complaint = asked[2].complaint.as_deref().unwrap();
    assert!(complaint.contains("wait for the next one"), "{complaint}");
}

/// A fixed code, as a flag gives it, has no second try: what is told is why the first did not do.
#[tokio::test]
async fn a_source_without_a_further_code_tells_the_refusal() {
    let (result, _) = tried(&Prepared::new(&["111111"]), "222222").await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::CodeFailed);
    assert_eq!(error.message, "the MFA code was not accepted");
}

/// Until its next code a program prints the last one: that is waited for and costs no try.
#[tokio::test]
async fn the_next_code_of_a_program_is_waited_for() {
    let (ahead, moved) = watch::channel(Duration::ZERO);
    let clock = Clock::moved(moved);
    let notices = Notices::new(move |notice| {
        assert_eq!(notice, Notice::NextCode);
        ahead.send_modify(|ahead| *ahead += Duration::from_secs(STEP_S));
    });
    let mut source = Prepared::new(&["111111", "111111", "222222"]);
    source.attended = false;
    let pace = Pace { clock: &clock, notices: &notices };
    let result = prove(Some(&source), pace, devices(), |_, code| {
        let answer = if *code == "222222" { Ok(code.to_string()) } else { Err(wrong()) };
        std::future::ready(answer)
    })
    .await;
    assert_eq!(result.unwrap(), "222222");
    let attempts: Vec<u8> = source.asked.lock().unwrap().iter().map(|ask| ask.attempt).collect();
    assert_eq!(attempts, [1, 2, 2]);
}

#[tokio::test]
async fn where_nobody_can_be_asked_it_is_said_how_to_give_a_code() {
    let none = prove(None, pace(), devices(), |_, _| std::future::ready(Ok(()))).await.unwrap_err();
    let (blind, _) = tried(&Prepared::failing(CodeError::NoTerminal), "1").await;
    let blind = blind.unwrap_err();
    assert_eq!((none.kind.clone(), &none.message), (AwsErrorKind::CodeNeeded, &blind.message));
    insta::assert_snapshot!(format!("{}\n{}", none.message, none.hints.join("\n")));
}

#[tokio::test]
async fn the_end_of_a_question_and_a_failed_program_are_told_apart() {
    let (ended, _) = tried(&Prepared::failing(CodeError::Cancelled), "1").await;
    assert_eq!(ended.unwrap_err().kind, AwsErrorKind::Cancelled);
    let failed = CodeError::Failed("`pass` ended with 1".to_owned());
    let (failed, _) = tried(&Prepared::failing(failed), "1").await;
    let error = failed.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::CodeFailed);
    assert!(error.message.contains("`pass` ended with 1"), "{}", error.message);
}

#[tokio::test]
async fn another_refusal_ends_the_questions() {
    let source = Prepared::new(&["111111", "222222"]);
    let result = prove(Some(&source), pace(), devices(), |_, _| {
        let denied = AwsError::new(AwsErrorKind::AccessDenied, "denied");
        std::future::ready(Err::<(), _>(Refusal::Denied(denied)))
    })
    .await;
    assert_eq!(result.unwrap_err().kind, AwsErrorKind::AccessDenied);
    assert_eq!(source.count(), 1);
}

#[test]
fn a_code_is_not_shown() {
    let code = Code { device: 0, code: Zeroizing::new("123456".to_owned()) };
    assert!(!format!("{code:?}").contains("123456"));
}

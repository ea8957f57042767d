use super::*;

fn kind(call: &'static str, code: &str, status: u16) -> AwsErrorKind {
    from_code(call, "in eu-west-1", Some(code), Some("because"), status).kind
}

#[test]
fn codes_of_the_service_have_their_kind() {
    for (code, expected) in [
        ("ExpiredTokenException", AwsErrorKind::ExpiredCredentials),
        ("UnrecognizedClientException", AwsErrorKind::NoCredentials),
        ("InvalidSignatureException", AwsErrorKind::NoCredentials),
        ("AccessDeniedException", AwsErrorKind::AccessDenied),
        ("TargetNotConnected", AwsErrorKind::TargetNotConnected),
        ("ThrottlingException", AwsErrorKind::Throttled),
        ("ValidationException", AwsErrorKind::InvalidTarget),
        ("InvalidDocument", AwsErrorKind::Service { code: "InvalidDocument".to_owned() }),
    ] {
        assert_eq!(kind("StartSession", code, 400), expected, "{code}");
    }
}

#[test]
fn what_may_pass_is_transient_and_what_may_not_is_not() {
    let transient = |code, status| {
        from_code("ResumeSession", "in eu-west-1", Some(code), None, status).is_transient()
    };
    assert!(transient("ThrottlingException", 400));
    assert!(transient("InternalServerError", 500));
    assert!(!transient("AccessDeniedException", 400));
    assert!(!transient("ValidationException", 400));
}

#[test]
fn a_message_is_one_line_and_names_call_place_and_code() {
    let error =
        from_code("StartSession", "in eu-west-1", Some("Odd"), Some("first\n  second"), 400);
    assert_eq!(error.message, "StartSession in eu-west-1 failed: first second (Odd)");
}

#[test]
fn an_offline_bastion_is_named_with_a_next_step() {
    let error = from_code("StartSession", "in eu-west-1", Some("TargetNotConnected"), None, 400)
        .about_target("i-0123456789abcdef0", "AWS-StartPortForwardingSession", "eu-west-1");
    assert!(error.message.contains("i-0123456789abcdef0"), "{}", error.message);
    assert!(error.hints.iter().any(|hint| hint.contains("eu-west-1")), "{:?}", error.hints);
}

#[test]
fn a_wrapped_tls_error_is_found_inside_an_io_error() {
    let tls = rustls::Error::General("bad".to_owned());
    let io = std::io::Error::other(tls);
    let error = from_connector("StartSession", "here", &ConnectorError::io(io.into()));
    assert_eq!(error.kind, AwsErrorKind::Tls);
}

#[test]
fn a_proxy_is_named_when_it_is_what_refuses() {
    for (text, expected) in [
        ("tunnel error: unsuccessful", "the proxy refuses"),
        ("tunnel error: failed to create underlying connection", "cannot be reached"),
        ("tunnel error: proxy authorization required", "password"),
    ] {
        let connector = ConnectorError::io(std::io::Error::other(text).into());
        let error = from_connector("StartSession", "in eu-west-1", &connector);
        assert_eq!(error.kind, AwsErrorKind::Endpoint);
        assert!(error.message.contains(expected), "{}", error.message);
        assert_eq!(error.hints.len(), 1);
    }
}

#[test]
fn an_expired_sign_in_asks_to_sign_in_again() {
    let error = credentials_error(&CredentialsError::provider_error(
        "the SSO session has expired or is invalid",
    ));
    assert_eq!(error.kind, AwsErrorKind::ExpiredCredentials);
    assert!(error.hints[0].contains("aws sso login"));
}

#[test]
fn no_source_of_credentials_says_which_there_are() {
    let error = credentials_error(&CredentialsError::not_loaded("no providers in chain"));
    assert_eq!(error.kind, AwsErrorKind::NoCredentials);
    assert!(error.hints[0].contains("--profile"));
}

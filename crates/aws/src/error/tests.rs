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
    assert!(error.hints[0].contains("adit login"));
}

/// After a lid was opened, credentials are refreshed before the network is back.
#[test]
fn a_source_of_credentials_without_a_network_may_work_later() {
    let unreachable = || ConnectorError::io(std::io::Error::other("dns error").into());
    for error in [
        CredentialsError::provider_error(unreachable()),
        CredentialsError::unhandled(unreachable()),
        CredentialsError::provider_error(ConnectorError::timeout("slow".into())),
        CredentialsError::provider_timed_out(Duration::from_secs(5)),
    ] {
        let error = credentials_error(&error);
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(error.kind, AwsErrorKind::Endpoint);
        assert_eq!(error.hints.len(), 1);
    }
}

#[test]
fn a_source_of_credentials_that_will_not_work_later_says_so() {
    let tls = std::io::Error::other(rustls::Error::General("bad".to_owned()));
    for error in [
        // The chain ends at the metadata service, which most machines do not have.
        CredentialsError::not_loaded(ConnectorError::timeout("no metadata service".into())),
        CredentialsError::provider_error(ConnectorError::io(tls.into())),
        CredentialsError::provider_error("the process exited with 1"),
    ] {
        let error = credentials_error(&error);
        assert!(!error.is_transient(), "{error:?}");
        assert_eq!(error.kind, AwsErrorKind::NoCredentials);
    }
}

#[test]
fn every_error_of_the_service_comes_with_a_next_step() {
    for (code, status, word) in [
        ("InvalidParameters", 400, "--host"),
        ("InvalidDocument", 400, "document"),
        ("InternalServerError", 500, "try again"),
        ("SomethingNew", 400, "SomethingNew"),
    ] {
        let error = from_code("StartSession", "in eu-west-1", Some(code), None, status);
        assert!(error.hints.iter().any(|hint| hint.contains(word)), "{code}: {:?}", error.hints);
    }
}

#[test]
fn no_source_of_credentials_says_which_there_are() {
    let error = credentials_error(&CredentialsError::not_loaded("no providers in chain"));
    assert_eq!(error.kind, AwsErrorKind::NoCredentials);
    assert!(error.hints[0].contains("--profile"));
}

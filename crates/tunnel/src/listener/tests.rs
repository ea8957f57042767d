use super::*;

#[tokio::test]
async fn several_addresses_share_the_port_that_was_free() {
    let listener = Listener::bind(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()])
        .await
        .unwrap();
    let ports: Vec<u16> = listener.addresses().iter().map(SocketAddr::port).collect();
    assert_eq!(ports.len(), 2);
    assert!(ports[0] != 0 && ports[0] == ports[1]);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = Listener::loopback(0).await.unwrap();
    let port = first.addresses()[0].port();
    let error = Listener::loopback(port).await.unwrap_err();
    assert!(error.is_taken());
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(error.next_step().contains("auto"));
}

//! The lab from outside: over its sockets, with an independent signer.

mod api;
mod bastion;
mod bounds;
mod caches;
mod cloud_faults;
mod databases;
mod ec2;
mod faults;
mod faults_of_messages;
mod iam;
mod identity;
mod lifecycle;
mod login;
mod relay;
mod sign_on;
mod signature;
mod start;
mod support;
mod tls;
mod transcript;
mod warehouses;

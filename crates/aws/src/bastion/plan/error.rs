//! Why there is no plan.

/// Why there is no plan: what is desired cannot be made as things stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The VPC is not in the region.
    #[error("there is no VPC {vpc} in {region}")]
    NoSuchVpc {
        /// The VPC.
        vpc: String,
        /// The region.
        region: String,
    },
    /// A bastion reaches what is in its own VPC.
    #[error("{target} is in {theirs}, not in {ours}")]
    TargetElsewhere {
        /// The target.
        target: String,
        /// The VPC it is in.
        theirs: String,
        /// The VPC that was asked for.
        ours: String,
    },
    /// A tag that AWS would refuse.
    #[error("the tag `{key}` cannot be set: {reason}")]
    BadTag {
        /// Its key.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More tags than a resource takes.
    #[error("{count} tags are too many: {max} is the most beside adit's own")]
    TooManyTags {
        /// How many were given.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// The subnet asked for is not in the VPC.
    #[error("there is no subnet {subnet} in {vpc}")]
    NoSuchSubnet {
        /// The subnet.
        subnet: String,
        /// The VPC.
        vpc: String,
        /// The subnets there are.
        known: Vec<String>,
    },
    /// The subnet asked for is no place for a bastion.
    #[error("a bastion in {subnet} would not work: {reason}")]
    UnfitSubnet {
        /// The subnet.
        subnet: String,
        /// Why not.
        reason: String,
        /// Whether `--create-endpoints` would make it work.
        endpoints_help: bool,
    },
    /// No subnet is a place for a bastion.
    #[error("no subnet of {vpc} is a place for a bastion{}", list(.reasons))]
    NoSubnet {
        /// The VPC.
        vpc: String,
        /// Why not, for each subnet.
        reasons: Vec<String>,
        /// Whether `--create-endpoints` would make one work.
        endpoints_help: bool,
        /// Whether a public address would.
        public_ip_helps: bool,
        /// Whether one may work all the same, as not all of its way out can be seen.
        subnet_helps: bool,
    },
    /// The instance type asked for is not known in the region.
    #[error("there is no instance type {instance_type} in {region}")]
    NoSuchType {
        /// The type.
        instance_type: String,
        /// The region.
        region: String,
    },
    /// Endpoints were asked for, but the VPC would not use them.
    #[error("endpoints would not be used: private names are off in {vpc}")]
    PrivateNamesOff {
        /// The VPC.
        vpc: String,
    },
    /// Names do not resolve in the VPC, so no agent finds Session Manager.
    #[error("a bastion in {vpc} would not come online: {fault}")]
    NamesOff {
        /// The VPC.
        vpc: String,
        /// Why they do not.
        fault: String,
    },
    /// All names that adit would use belong to something else.
    #[error("the names {} for the {what} are taken by what adit did not make", .names.join(", "))]
    NamesTaken {
        /// What would get the name.
        what: &'static str,
        /// The names.
        names: Vec<String>,
    },
}

impl PlanError {
    /// What to do next, each one line.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoSuchVpc { .. } => {
                vec!["check --vpc, --region and --profile; `aws ec2 describe-vpcs` shows what there is".to_owned()]
            }
            Self::TargetElsewhere { theirs, .. } => {
                vec![format!("leave --vpc out, or set up the targets of {theirs} by themselves")]
            }
            Self::BadTag { .. } | Self::TooManyTags { .. } => vec!["change --tag".to_owned()],
            Self::NoSuchSubnet { known, .. } => match known.as_slice() {
                [] => vec!["the VPC has no subnets yet".to_owned()],
                known => vec![format!("there are {}", known.join(", "))],
            },
            Self::UnfitSubnet { endpoints_help, .. } => {
                let mut hints = Vec::new();
                if *endpoints_help {
                    hints.push(CREATE_ENDPOINTS.to_owned());
                }
                hints.push("leave --subnet out to have one chosen".to_owned());
                hints
            }
            Self::NoSubnet { reasons, endpoints_help, public_ip_helps, subnet_helps, .. } => {
                let mut hints = Vec::new();
                if reasons.is_empty() {
                    hints.push("make a subnet first".to_owned());
                }
                if *public_ip_helps {
                    hints.push("without `--public-ip no` a public subnet would do".to_owned());
                }
                if *endpoints_help {
                    hints.push(CREATE_ENDPOINTS.to_owned());
                }
                if *subnet_helps {
                    hints.push(
                        "--subnet takes a subnet all the same, when you know that it leads to Session Manager"
                            .to_owned(),
                    );
                }
                if !reasons.is_empty() {
                    hints.push(
                        "or use an instance that is managed already: --bastion i-…".to_owned(),
                    );
                }
                hints
            }
            Self::NoSuchType { .. } => {
                vec!["leave --instance-type out for t4g.micro or t3.micro".to_owned()]
            }
            Self::PrivateNamesOff { vpc } => vec![
                format!("aws ec2 modify-vpc-attribute --vpc-id {vpc} --enable-dns-support"),
                format!("aws ec2 modify-vpc-attribute --vpc-id {vpc} --enable-dns-hostnames"),
            ],
            Self::NamesOff { vpc, .. } => {
                vec![format!("aws ec2 modify-vpc-attribute --vpc-id {vpc} --enable-dns-support")]
            }
            Self::NamesTaken { .. } => vec!["remove or rename one of them".to_owned()],
        }
    }
}

const CREATE_ENDPOINTS: &str =
    "--create-endpoints makes the endpoints ssm and ssmmessages; each costs about 0.01 USD an hour";

fn list(reasons: &[String]) -> String {
    if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) }
}

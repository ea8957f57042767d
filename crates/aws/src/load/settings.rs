//! Where region, profile and endpoint came from.

use aws_config::Region;
use aws_types::os_shim_internal::Env;

use super::AwsOptions;
use crate::credentials::origin::{Origin, Sourced};
use crate::credentials::profiles::Profiles;

/// The settings, each with where it came from.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) region: Sourced<String>,
    pub(crate) profile: Option<Sourced<String>>,
    pub(crate) endpoint_url: Option<Sourced<String>>,
}

impl Settings {
    pub(super) fn new(
        options: &AwsOptions,
        profiles: &Profiles,
        env: &Env,
        region: &Region,
    ) -> Self {
        let selected = profiles.selected();
        let find = |flag: Option<&String>, name, variables: &[&'static str], key: &'static str| {
            if let Some(value) = flag {
                return Some(Sourced { value: value.clone(), origin: Origin::named(name) });
            }
            for variable in variables {
                if let Ok(value) = env.get(variable)
                    && !value.is_empty()
                {
                    return Some(Sourced { value, origin: Origin::named(variable) });
                }
            }
            let value = profiles.setting(selected, key)?.to_owned();
            Some(Sourced { value, origin: profiles.origin(selected, key) })
        };
        let of_region = find(
            options.region.as_ref(),
            "--region",
            &["AWS_REGION", "AWS_DEFAULT_REGION"],
            "region",
        );
        let of_flag = options.profile.clone().map(|name| (name, "--profile"));
        let of_variable = |name: &'static str| {
            Some((env.get(name).ok().filter(|value| !value.is_empty())?, name))
        };
        let profile = of_flag
            .or_else(|| of_variable("AWS_DEFAULT_PROFILE"))
            .or_else(|| of_variable("AWS_PROFILE"));
        Self {
            region: Sourced {
                value: region.to_string(),
                origin: of_region
                    .map_or(Origin::named("the instance's metadata service"), |found| found.origin),
            },
            profile: profile.map(|(value, name)| Sourced { value, origin: Origin::named(name) }),
            endpoint_url: find(
                options.endpoint_url.as_ref(),
                "--endpoint-url",
                &["AWS_ENDPOINT_URL"],
                "endpoint_url",
            ),
        }
    }

    /// Those of a program that read nothing.
    pub(super) fn fixed(options: &AwsOptions, region: &Region) -> Self {
        let of_program = |value: String| Sourced { value, origin: Origin::named("the program") };
        Self {
            region: of_program(region.to_string()),
            profile: None,
            endpoint_url: options.endpoint_url.clone().map(of_program),
        }
    }
}

//! Where the websockets of sessions lead.

use aws_types::service_config::ServiceConfigKey;

use super::Aws;

impl Aws {
    /// Where the websockets of sessions lead, but for the path; `None` where calls do not go to AWS's
    /// usual endpoint, or where another partition than the commercial one or `GovCloud`'s may name it
    /// otherwise.
    /// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartSession.html>, `StreamUrl`
    pub fn likely_gateway(&self) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id("SSM")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        let own = self.sdk.service_config().and_then(|config| config.load_config(key));
        let is_other = self.sdk.use_fips() == Some(true) || self.sdk.use_dual_stack() == Some(true);
        if is_other || own.is_some() || self.sdk.endpoint_url().is_some() {
            return None;
        }
        usual_gateway(self.region())
    }
}

fn usual_gateway(region: &str) -> Option<String> {
    let partition = region.split('-').next()?;
    let is_usual =
        matches!(partition, "us" | "eu" | "ap" | "sa" | "ca" | "me" | "af" | "il" | "mx");
    let is_isolated = region.contains("-iso");
    let is_name = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_usual && !is_isolated && is_name)
        .then(|| format!("wss://ssmmessages.{region}.amazonaws.com/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_where_partitions_name_it_alike() {
        for region in
            ["us-east-1", "eu-central-2", "ap-southeast-7", "us-gov-west-1", "mx-central-1"]
        {
            let url = format!("wss://ssmmessages.{region}.amazonaws.com/");
            assert_eq!(usual_gateway(region), Some(url));
        }
        for region in
            ["cn-north-1", "us-iso-east-1", "eu-isoe-west-1", "eusc-de-east-1", "", "us-east-1/x"]
        {
            assert_eq!(usual_gateway(region), None, "{region}");
        }
    }
}

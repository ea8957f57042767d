"""Makes keys.tsv: the AWS CLI's names of cache entries for generated arguments, by botocore itself.

    python keys.py > keys.tsv
"""
import json, random
from botocore.credentials import AssumeRoleCredentialFetcher

random.seed(20261121)
ALPHABET = "abcXYZ019 _-+=,.@:/\\\"'\t\n\x7f\x00äß漢🦀"

def word():
    return "".join(random.choice(ALPHABET) for _ in range(random.randint(1, 12)))

for number in range(64):
    extra = {}
    if random.random() < 0.5:
        extra["RoleSessionName"] = word()
    if random.random() < 0.5:
        extra["ExternalId"] = word()
    if random.random() < 0.5:
        extra["SerialNumber"] = "arn:aws:iam::111122223333:mfa/" + word()
    if random.random() < 0.5:
        extra["DurationSeconds"] = random.randint(900, 43200)
    role = "arn:aws:iam::111122223333:role/" + word()
    fetcher = AssumeRoleCredentialFetcher(None, None, role, extra_args=extra)
    print(json.dumps({"RoleArn": role, **extra}), fetcher._cache_key, sep="\t")

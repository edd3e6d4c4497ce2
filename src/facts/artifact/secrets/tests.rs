use proptest::prelude::*;

use super::*;

/// Letters and digits as random as those of a token; the same for the same number.
fn random(seed: u32, alphabet: &str, length: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let character = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()]
    };
    (0..length).map(character).collect()
}

const BASE62: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEXADECIMAL: &str = "0123456789abcdef";

fn base62(length: usize) -> String {
    random(7, BASE62, length)
}

fn base64(length: usize) -> String {
    random(11, BASE64, length)
}

fn hexadecimal(length: usize) -> String {
    random(13, HEXADECIMAL, length)
}

/// What the rules say of a text: the line and the rule.
fn found(text: &str) -> Vec<(u64, &'static str)> {
    search(text.as_bytes()).into_iter().map(|found| (found.line, found.rule)).collect()
}

/// Values in the vendors' formats, made up here so that no scanner of this repository takes them for real.
#[expect(clippy::too_many_lines, reason = "a table")]
fn secrets() -> Vec<(&'static str, String)> {
    let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    vec![
        ("aws-access-key-id", format!("AKIA{}", random(3, upper, 16))),
        ("aws-secret-access-key", format!("aws_secret_access_key = {}", base64(40).replace('+', "x"))),
        ("aws-bedrock-api-key", format!("ABSK{}", base64(120))),
        ("gcp-api-key", format!("AIza{}", base62(35))),
        ("gcp-oauth-client-secret", format!("GOCSPX-{}", base62(28))),
        ("azure-storage-key", format!("AccountName=a;AccountKey={}==;EndpointSuffix=core.windows.net", base64(86))),
        ("azure-shared-access-key", format!("Endpoint=sb://x;SharedAccessKey={}=", base64(43))),
        ("azure-sas-token", format!("https://a.blob.core.windows.net/c?sv=2022-11-02&sig={}%3D", base62(43))),
        ("azure-client-secret", format!("\"{}8Q~{}\"", base62(3), base62(34))),
        ("private-key", format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n{}\n-----END", base64(64), base64(48))),
        ("private-key", format!("\"-----BEGIN PRIVATE KEY-----\\n{}\\n{}\"", base64(64), base64(48))),
        (
            "private-key",
            format!(
                "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0F\n\n{}",
                base64(70)
            ),
        ),
        ("age-secret-key", format!("AGE-SECRET-KEY-1{}", random(5, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58))),
        ("github-token", format!("ghp_{}", base62(36))),
        ("github-fine-grained-token", format!("github_pat_{}", base62(82))),
        ("gitlab-token", format!("glpat-{}", base62(20))),
        ("hugging-face-token", format!("hf_{}", base62(34))),
        ("openai-api-key", format!("sk-proj-{}", base62(100))),
        ("openai-api-key", format!("sk-{}T3BlbkFJ{}", base62(20), base62(20))),
        ("anthropic-api-key", format!("sk-ant-api03-{}AA", base62(93))),
        ("openrouter-api-key", format!("sk-or-v1-{}", hexadecimal(64))),
        ("groq-api-key", format!("gsk_{}", base62(52))),
        ("perplexity-api-key", format!("pplx-{}", base62(48))),
        ("replicate-api-token", format!("r8_{}", base62(37))),
        ("langsmith-api-key", format!("lsv2_pt_{}_{}", hexadecimal(32), hexadecimal(10))),
        ("pinecone-api-key", format!("pcsk_{}_{}", base62(6), base62(63))),
        ("wandb-api-key", format!("os.environ[\"WANDB_API_KEY\"]=\"{}\"", hexadecimal(40))),
        ("wandb-api-key", format!("!wandb login {}", hexadecimal(40))),
        ("wandb-api-key", format!("wandb.login(key=\\\"{}\\\")", hexadecimal(40))),
        ("mlflow-tracking-password", format!("export MLFLOW_TRACKING_PASSWORD={}", base62(14))),
        ("databricks-token", format!("dapi{}-2", hexadecimal(32))),
        ("slack-token", format!("xoxb-{0}-{0}-{1}", random(3, "0123456789", 12), base62(24))),
        ("slack-webhook", format!("https://hooks.slack.com/services/T{}/B{}/{}", base62(8), base62(8), base62(24))),
        ("discord-webhook", format!("https://discord.com/api/webhooks/{}/{}", random(3, "0123456789", 18), base62(68))),
        ("telegram-bot-token", format!("TELEGRAM_TOKEN = '{}:A{}'", random(9, "0123456789", 10), base62(34))),
        ("stripe-key", format!("sk_live_{}", base62(24))),
        ("npm-token", format!("//registry.npmjs.org/:_authToken=npm_{}", base62(36))),
        ("pypi-token", format!("pypi-AgEIcHlwaS5vcmc{}", base62(120))),
        ("docker-token", format!("dckr_pat_{}", base62(27))),
        ("digitalocean-token", format!("dop_v1_{}", hexadecimal(64))),
        ("vault-token", format!("hvs.{}", base62(95))),
        ("terraform-token", format!("{}.atlasv1.{}", base62(14), base62(67))),
        ("grafana-token", format!("glsa_{}_{}", base62(32), hexadecimal(8))),
        ("new-relic-key", format!("NRAK-{}", random(3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 27))),
        ("sendgrid-token", format!("SG.{}.{}", base62(22), base62(43))),
        ("artifactory-token", format!("AKCp{}", base62(69))),
        ("pulumi-token", format!("pul-{}", hexadecimal(40))),
        ("prefect-token", format!("pnu_{}", base62(36))),
        ("notion-token", format!("ntn_{}{}", random(3, "0123456789", 11), base62(35))),
        ("linear-api-key", format!("lin_api_{}", base62(40))),
        ("postman-api-key", format!("PMAK-{}-{}", hexadecimal(24), hexadecimal(34))),
        ("alibaba-access-key-id", format!("LTAI{}", base62(20))),
        ("jwt", format!("eyJ{}.eyJ{}.{}", base62(33), base62(120), base62(43))),
        ("bearer-token", format!("headers={{\"Authorization\": \"Bearer {}\"}}", base62(40))),
        ("bearer-token", format!("headers={{\"Authorization\": f\"Bearer {}\"}}", base62(40))),
        ("password-in-url", format!("postgresql://scorer:{}@db.internal:5432/scores", base62(12))),
        ("password", format!("{{\"db_password\": \"{}\"}}", base62(12))),
        ("password", format!("\"source\": [\"api_key = \\\"{}\\\"\\n\"]", base62(32))),
        ("password", format!("os.environ['OPENAI_API_KEY'] = '{}'", base62(32))),
        ("password-unquoted", format!("DB_PASSWORD={}", base62(16))),
        ("password-unquoted", format!("  - export API_KEY={} # of the team", base62(16))),
        ("password-unquoted", format!("spring:\n  datasource:\n    password: {}\n", base62(16))),
    ]
}

#[test]
fn every_rule_finds_what_it_is_for() {
    for (rule, text) in secrets() {
        let line = 1 + text.matches('\n').count() as u64;
        let found = found(&text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].1 == rule && found[0].0 <= line, "{text}: {found:?}");
        let among = format!("{{\n\"a\": 1}}\n\n{text}\nmore text");
        assert_eq!(super::tests::found(&among)[0].1, rule, "{among}");
    }
    let tried: std::collections::BTreeSet<_> = secrets().into_iter().map(|(rule, _)| rule).collect();
    let untried: Vec<_> = RULES.iter().map(|rule| rule.name).filter(|name| !tried.contains(name)).collect();
    assert_eq!(untried, ["teams-webhook"]);
    let teams = format!(
        "https://a.webhook.office.com/webhookb2/{0}@{0}/IncomingWebhook/{1}/{0}",
        "5f1b3c77-0d2e-4f6a-9b8c-7d6e5f4a3b2c",
        base62(32)
    );
    assert_eq!(found(&teams), [(1, "teams-webhook")]);
}

#[test]
fn the_rules_are_whole() {
    assert_eq!(RULES.len(), include_str!("rules.txt").matches("\nrule ").count());
    for rule in RULES.iter() {
        assert!(rule.regex().is_some(), "{}", rule.name);
        assert!(["no", "yes", "strictly"].contains(&rule.mixed), "{}", rule.name);
        assert!(rule.keywords.iter().all(|keyword| !keyword.is_empty() && keyword.to_lowercase() == **keyword));
    }
    assert!(KEYWORDS.0.is_some());
}

#[test]
fn examples_and_references_are_no_secrets() {
    for text in [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "api_key = \"<your key 1>\"",
        "api_key=\"YOUR_API_KEY_1\"",
        "OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1",
        "HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "password: ${DB_PASSWORD_1}",
        "password: \"{{ vault_password_2 }}\"",
        "api_key=os.environ[\"API_KEY_2\"]",
        "api_key = os.getenv('API_KEY_2')",
        "password = getpass.getpass('Password 2: ')",
        "token = secrets.token_hex(16)",
        "access_token = self.client1.access_token",
        "secret: db-credentials-v2",
        "secret: \"projects/123456/secrets/model-key/versions/1\"",
        "postgresql://postgres:postgres@localhost:5432/mlflow",
        "postgresql://user:password@host/db",
        "mongodb+srv://username:password123@cluster.mongodb.net/database",
        "client = openai.Client(api_key=\"sk-123456\", base_url=url)",
        "-H \"Authorization: Bearer secret-api-key-12345\"",
        "https://user:${PASSWORD}@host/",
        "https://[user]:<password>@host/",
        "See https://example.org:8443/a@b and mailto:a@b.c",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaq1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p\n",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.\
         SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
        "Authorization: Bearer $TOKEN",
        "headers = {\"Authorization\": f\"Bearer {token}\"}",
        // Of the configuration of tokenizers.
        "\"bos_token\": \"<|begin_of_text|>\", \"eos_token\": \"<|eot_id_128009|>\", \"pad_token_id\": 128009",
        "\"tokenizer_class\": \"PreTrainedTokenizerFast\", \"secret\": 1, \"password\": 29345",
        // Digests are none.
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "\"_commit_hash\": \"e4ce9877abf3edfe10b0d82785e83bdcb973e22e\"",
        "secret = \"correct horse battery staple 1\"",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn nothing_in_this_repository_is_one() {
    fn search_below(directory: &std::path::Path, files: &mut usize) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search_below(&path, files);
            } else {
                assert_eq!(found(&String::from_utf8_lossy(&std::fs::read(&path).unwrap())), [], "{}", path.display());
                *files += 1;
            }
        }
    }
    let (root, mut files) = (std::path::Path::new(env!("CARGO_MANIFEST_DIR")), 0);
    for directory in ["docs", "fixtures", "policies", "src/init", "tests/monitoring"] {
        search_below(&root.join(directory), &mut files);
    }
    assert!(files > 300, "{files}");
}

#[test]
fn a_secret_is_told_once_and_by_its_line() {
    let token = format!("hf_{}", base62(34));
    let text = format!("# a\napi_key = \"{token}\"\r\n\nb: {token}\n");
    assert_eq!(found(&text), [(2, "hugging-face-token"), (4, "hugging-face-token")]);
    let many = format!("\"{token}\"\n").repeat(5_000);
    assert_eq!(found(&many).len(), SECRETS_MAX);
}

#[test]
fn a_large_vocabulary_costs_no_time_and_gives_no_alarm() {
    let words = ["password", "secret", "token", "api_key", "hf_", "eyJ", "sk-", "://", "bearer", "the", "Ġof", "AKIA"];
    let entry = |number: usize| format!("      \"{}{number}\": {number},\n", words[number % words.len()]);
    let vocabulary: String = (0..500_000).map(entry).collect();
    assert!(vocabulary.len() > 10_000_000);
    let start = std::time::Instant::now();
    assert_eq!(found(&vocabulary), []);
    // It takes a twentieth of this even without optimisation, every line of it being suspicious.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn facts_lose_the_text_and_keep_the_place() {
    let (token, password) = (format!("ghp_{}", base62(36)), base62(12));
    let key = base64(64);
    let mut secrets = Secrets::default();
    assert!(secrets.is_empty());
    secrets.search("b.md", format!("{token}\n").as_bytes());
    secrets.search("a.md", format!("\n\npassword: \"{password}\"").as_bytes());
    secrets.search("a.md", format!("-----BEGIN PRIVATE KEY-----\\n{key}\\nabc\\n").as_bytes());
    let places: Vec<_> = secrets.facts().into_iter().map(|secret| (secret.path, secret.line, secret.rule)).collect();
    let expected = [("a.md", 1, "private-key"), ("a.md", 3, "password"), ("b.md", 1, "github-token")];
    assert_eq!(places, expected.map(|(path, line, rule)| (path.to_owned(), Some(line), rule.to_owned())));
    let mut facts = serde_json::json!({
        "front_matter": {"token": token, (token.clone()): [format!("x{password}y"), 1, null, true]},
        "pem": format!("-----BEGIN PRIVATE KEY-----\n{key}\nabc"),
    });
    secrets.hide(&mut facts);
    let expected = serde_json::json!({
        "front_matter": {"token": "***", "***": ["x***y", 1, null, true]},
        "pem": "-----BEGIN PRIVATE KEY-----\n***\nabc",
    });
    assert_eq!(facts, expected);
    assert!(!format!("{secrets:?}").contains(&password));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        search(&bytes);
    }

    #[test]
    fn no_text_with_keywords_panics(
        parts in prop::collection::vec(
            (prop::sample::select(vec!["password", ": \"", "://", "@", "hf_", "eyJ", ".", "-----BEGIN PRIVATE KEY-----"]), "[a-zA-Z0-9é\n]{0,40}"),
            0..20,
        ),
    ) {
        let text: String = parts.into_iter().map(|(mark, text)| format!("{mark}{text}")).collect();
        let found = search(text.as_bytes());
        let lines = text.matches('\n').count() as u64 + 1;
        prop_assert!(found.iter().all(|found| (1..=lines).contains(&found.line)));
    }

    #[test]
    fn a_token_is_found_wherever_it_stands(
        before in "[ -~\n]{0,300}",
        after in "[ -~\n]{0,300}",
        seed in any::<u32>(),
    ) {
        let token = format!("ghp_{}", random(seed, BASE62, 36));
        prop_assume!(!has_run(token.as_bytes()) && !EXAMPLES.iter().any(|example| token.to_lowercase().contains(example)));
        let text = format!("{before} {token} {after}");
        let found = search(text.as_bytes());
        prop_assert!(found.iter().any(|found| found.text.expose().contains(&token[4..]) || token.contains(found.text.expose())));
    }
}

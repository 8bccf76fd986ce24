use super::*;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/api-AbCdEf";

fn parsed(line: &str) -> Result<Asked, clap::Error> {
    parse(line.split_whitespace().map(OsString::from), 100)
}

fn text(line: &str) -> String {
    match parsed(line).unwrap() {
        Asked::Text(text) => text,
        Asked::Task(task) => panic!("{task:?}"),
    }
}

#[test]
fn the_command_line_is_sound() {
    Line::command().debug_assert();
}

#[test]
fn options_may_stand_anywhere() {
    let line = format!(
        "--json orphans --type=admin-key {ARN} --delete datadog/x {ARN} --admin-secret {ARN}"
    );
    let task = Task {
        command: Command::Orphans { delete: true },
        secrets: vec![ARN.into(), "datadog/x".into()],
        json: true,
        admin_secret: Some(ARN.into()),
        kind: Some(Kind::AdminKey),
    };
    assert_eq!(parsed(&line).unwrap(), Asked::Task(task));
}

#[test]
fn wrong_usage_is_named() {
    for (line, words) in [
        ("prove".to_owned(), "similar subcommand exists: 'probe'"),
        ("orphan x".into(), "similar subcommand exists: 'orphans'"),
        (
            format!("check {ARN} --jsn"),
            "similar argument exists: '--json'",
        ),
        ("check".into(), "<SECRET>..."),
        ("check datadog/api!".into(), "neither a full ARN"),
        ("check arn:aws:secretsmanager:x".into(), "not the full ARN"),
        (format!("check {ARN} --delete"), "--delete"),
        (format!("check {ARN} --type key"), "api-key"),
        (format!("check {ARN} --admin-secret"), "a value is required"),
        (format!("check {ARN} --admin-secret x"), "not the full ARN"),
        (
            format!("orphans {ARN} --mappings 123456789012"),
            "--mappings",
        ),
        ("probe --mappings 12345678901".into(), "12 digits"),
        ("probe --mappings 12345678901x".into(), "12 digits"),
        ("probe --type api-key".into(), "--type"),
        (format!("probe {ARN}"), "unexpected argument"),
        ("trust runner".into(), "not the ARN of a role"),
        ("trust --agent-role x".into(), "not the ARN of a role"),
        (
            "trust --service-account x".into(),
            "not the ID of a service account",
        ),
        ("trust --mappings 123456789012".into(), "--mappings"),
        ("man prove".into(), "no command"),
    ] {
        let error = parsed(&line).unwrap_err().to_string();
        assert!(error.contains(words), "{line}: {error}");
    }
}

#[test]
fn a_probe_is_of_no_secret() {
    let asked = parsed("probe --mappings 123456789012 --json").unwrap();
    let Asked::Task(task) = asked else {
        panic!("no task");
    };
    let mappings = Some("123456789012".to_owned());
    assert_eq!(task.command, Command::Probe { mappings });
    assert!(task.secrets.is_empty() && task.json);
}

#[test]
fn trust_takes_roles_of_functions_and_of_agents() {
    let id = "3FA85F64-5717-4562-b3fc-2c963f66afa6";
    let (one, other) = (
        "arn:aws:iam::123456789012:role/a/one",
        "arn:aws:iam::123456789012:role/other",
    );
    let line = format!("trust {one} --agent-role {other} --service-account {id}");
    let Asked::Task(task) = parsed(&line).unwrap() else {
        panic!("no task");
    };
    let role = |text| vec![AwsRole::parse(text).unwrap()];
    let command = Command::Trust {
        roles: role(one),
        agent_roles: role(other),
        service_account: Some(id.to_lowercase()),
    };
    assert_eq!(task.command, command);
}

#[test]
fn every_command_has_help_with_examples_and_a_man_page() {
    assert!(text("--help").contains("Exit codes:"));
    assert!(text("--version").starts_with("datadog-doctor "));
    for command in ["check", "orphans", "probe", "trust", "completions", "man"] {
        let help = text(&format!("{command} --help"));
        assert!(help.contains("Examples:\n  datadog-doctor "), "{help}");
        let page = text(&format!("man {command}"));
        let title = format!(".TH datadog-doctor-{command} 1");
        assert!(page.contains(&title), "{page}");
    }
    assert!(text("man").contains("orphans"));
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = text(&format!("completions {shell}"));
        assert!(script.contains("admin-secret"), "{shell}: {script}");
    }
}

#[test]
fn a_key_as_an_argument_is_refused_and_not_shown() {
    for key in [
        "0aF1".repeat(8),
        "0aF1".repeat(10),
        format!("ddapp_{}", "Zz".repeat(17)),
    ] {
        for line in [
            format!("check {key}"),
            format!("check datadog/x --admin-secret={key}"),
            format!("chek {key}"),
        ] {
            let error = parsed(&line).unwrap_err().to_string();
            assert!(error.contains("an argument is a Datadog key"), "{error}");
            assert!(!error.contains(&key), "{error}");
        }
    }
}

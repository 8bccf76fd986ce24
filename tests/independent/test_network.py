"""Certificates, proxies and settings, under the real TLS stack: what fails for good is told at once, and no key goes astray."""

import base64
import datetime
import re
import ssl
import time

import pytest
import trustme
from functions import Function
from world import Answer, Listener, refuse

PASSWORD = "proxy-password-5f1c"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def serve(authority, **more):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", **more).configure_cert(context)
    return context


def secured(town, tls, bundle, **environment):
    """An API key secret, and its function, which reaches Datadog by TLS and trusts the bundle."""
    secret = town.add("api")
    town.made[secret.function] = Function(town.world, secret.function, tls=tls, ADMIN_SECRET_ARN=town.admin.arn,
                                          SSL_CERT_FILE=str(bundle) if bundle else None, **environment)
    return secret


def pem(path, *parts):
    path.write_bytes(b"".join(part if isinstance(part, bytes) else part.cert_pem.bytes() for part in parts))
    return path


def test_certificates_of_the_bundle_are_trusted(town, authority, tmp_path):
    secret = secured(town, serve(authority), pem(tmp_path / "bundle", authority))
    town.succeed(secret)


@pytest.mark.parametrize("rotten", [b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
                                    b"a comment\n"], ids=["no certificate", "no base64", "a comment"])
def test_one_unreadable_certificate_among_good_ones_stops_no_function(town, authority, tmp_path, rotten):
    secret = secured(town, serve(authority), pem(tmp_path / "bundle", rotten, authority, rotten))
    town.succeed(secret)


@pytest.mark.parametrize("bundle", ["missing", "empty"])
def test_a_bundle_that_can_not_be_used_is_named_at_start(town, authority, tmp_path, bundle):
    path = tmp_path / "bundle"
    if bundle == "empty":
        path.write_text("")
    secret = secured(town, serve(authority), path)
    done = town.step(secret, "createSecret")
    function = town.function(secret)
    said = str(function.reports) + "\n".join(function.lines) + done.text
    assert not done.ok and "SSL_CERT_FILE" in said, said
    assert function.reports.get("init") or done.report, "nothing was reported to the Runtime API"
    assert not town.sent("/api/")


@pytest.mark.parametrize("wrong", ["issuer", "date", "name"])
def test_a_bad_certificate_is_told_at_once_and_not_tried_again(town, authority, tmp_path, wrong):
    dates = {"not_before": datetime.datetime(2020, 1, 1), "not_after": datetime.datetime(2021, 1, 1)} if wrong == "date" else {}
    server = trustme.CA() if wrong == "issuer" else authority
    context = serve(server, **dates)
    if wrong == "name":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.issue_cert("api.datadoghq.com").configure_cert(context)
    secret = secured(town, context, pem(tmp_path / "bundle", authority))
    done = town.step(secret, "createSecret", seconds=45)
    assert not done.ok and re.search("certificate", done.text, re.IGNORECASE), done
    assert "NAT" not in done.text and done.seconds < 10, f"after {done.seconds:.0f} s: {done}"
    assert not town.sent("/api/")


@pytest.mark.parametrize("status", [407, 403])
def test_a_proxy_that_refuses_is_told_at_once_and_not_tried_again(town, authority, tmp_path, status):
    asked = []

    def proxy(method, target, headers, body):
        asked.append(headers.get("Proxy-Authorization", ""))
        return Answer(status, "no", {"Proxy-Authenticate": "Basic"})

    listener = Listener(proxy)
    secret = secured(town, serve(authority), pem(tmp_path / "bundle", authority), HTTPS_PROXY=listener.url.replace("://", f"://user:{PASSWORD}@"))
    done = town.step(secret, "createSecret", seconds=45)
    listener.shutdown()
    assert not done.ok and re.search("prox", done.text, re.IGNORECASE), done
    assert "NAT" not in done.text and done.seconds < 10 and len(asked) <= 4, f"asked {len(asked)} times, {done.seconds:.0f} s: {done}"
    printed = "\n".join(town.function(secret).lines)
    assert PASSWORD not in printed and base64.b64encode(f"user:{PASSWORD}".encode()).decode() not in printed
    assert not town.sent("/api/")


@pytest.mark.parametrize("proxy", ["http://[::1", "http://user:pass word@", "ht!tp://proxy", "http://:::80"])
def test_a_malformed_proxy_is_named_and_no_key_goes_round_it(town, authority, tmp_path, proxy):
    secret = secured(town, serve(authority), pem(tmp_path / "bundle", authority), HTTPS_PROXY=proxy)
    done = town.step(secret, "createSecret")
    function = town.function(secret)
    said = str(function.reports) + "\n".join(function.lines) + done.text
    assert not town.sent("/api/"), "keys went out without the proxy"
    assert not done.ok and "HTTPS_PROXY" in said, said


def test_redirects_are_not_followed(town):
    followed = []
    listener = Listener(lambda *request: (followed.append(request), Answer(200, {"status": "ok", "valid": True, "data": []}))[1])
    for status in (301, 302, 303, 307, 308):
        for kind in ("api", "app", "token"):
            secret = town.add(kind, f"{kind}-{status}")
            town.on("^(GET|POST|DELETE)", refuse(status, "", {"Location": f"{listener.url}/api/v2/api_keys"}), times=3)
            assert not town.rotate(secret)[-1].ok
            town.world.rules.clear()
    listener.shutdown()
    assert not followed


def test_silence_is_told_from_refusal(town):
    secret = town.add("api")
    function = town.function(secret, DATADOG_API_URL="http://127.0.0.1:9")  # nobody listens
    start = time.time()
    done = function.step("createSecret", secret, town.secrets.begin(secret), 45)
    assert done.type == "DatadogUnreachable" and re.search("refused|could be opened|no connection", done.text), done
    assert time.time() - start < 45

"""The OpenAPI page is valid, and says of the routes what is so, no more and no less."""

import json
from http import HTTPMethod

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route

from huffleraft.http.api import Member
from huffleraft.http.app import make_app
from huffleraft.http.kv_path import ALLOWED
from huffleraft.http.openapi import document
from huffleraft.http.placing import Placing
from huffleraft.http.tally import Tally
from tests.http.documented import PATHS, operations
from tests.http.solitary import SolitaryStore
from tests.http.test_routes import Node, cas

pytestmark = pytest.mark.anyio


def real_operations() -> set[tuple[str, str]]:
    """What the application and the short path take; a GET of the former brings a HEAD along."""
    store = SolitaryStore()
    routes = make_app(store, Placing(store), Tally()).routes
    found = {("/v1/kv/{key}", method) for method in ALLOWED.split(", ")}
    for route in routes:
        assert isinstance(route, Route)
        path = route.path.replace("{key:key}", "{key}")
        found |= {(path, method) for method in (route.methods or ()) if method != "HEAD"}
    return found


def filled(path: str) -> str:
    """*path* with names in it that a node knows."""
    return path.replace("{key}", "a").replace("{id}", "n1")


def test_the_page_is_valid() -> None:
    assert not [str(error) for error in OpenAPIV31SpecValidator(document("0")).iter_errors()]


def test_every_route_is_documented_and_every_documented_one_is_a_route() -> None:
    assert operations() == real_operations()


async def test_the_page_is_served() -> None:
    told = await Node().ask("GET", "/v1/openapi.json")

    assert (told.status, told.headers["Content-Type"]) == (200, "application/json")
    assert told.json == json.loads(json.dumps(document("0")))


@pytest.mark.parametrize("path", sorted(PATHS))
async def test_a_method_that_is_not_documented_is_refused_by_naming_those_that_are(
    path: str,
) -> None:
    node = Node()
    documented = {method for where, method in operations() if where == path}
    for method in {one.value for one in HTTPMethod} - documented - {"CONNECT"}:
        told = await node.ask(method, filled(path))
        if method == "HEAD" and "GET" in documented:
            continue
        assert told.status == 405, (method, path)
        assert documented <= set(told.headers["Allow"].split(", "))


@pytest.mark.parametrize("path, method", sorted(operations()))
async def test_what_is_documented_as_good_is_what_is_answered(path: str, method: str) -> None:
    node = Node()
    await node.ask("PUT", "/v1/kv/a", b"1")
    node.store.membership.newcomers["127.0.0.1:2"] = "n2"
    node.store.membership.members["n3"] = Member("n3", "127.0.0.1:3", "voter")
    body = {"/v1/cas/{key}": cas(b"1", b"2"), "/v1/members": b'{"address": "127.0.0.1:2"}'}
    told = await node.ask(method, filled(path), body.get(path, b""))

    (good,) = (
        answer
        for status, answer in PATHS[path][method.lower()]["responses"].items()
        if status == str(told.status) and status < "300"
    )
    for name in good["headers"]:
        assert name in told.headers
    if "content" in good:
        (kind,) = good["content"]
        assert told.headers["Content-Type"].startswith(kind)
        if kind == "application/json":
            schema = good["content"][kind]["schema"]
            name = schema.get("$ref", "").rpartition("/")[2]
            known = document("0")["components"]["schemas"][name] if name else schema
            if name != "Status":  # a store of one knows less of itself
                assert set(told.json) >= set(known.get("required", ()))

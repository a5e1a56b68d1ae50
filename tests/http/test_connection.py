"""What bytes mean: requests, their order, their bounds, and what is refused."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.http.connection import Connection, Phase
from huffleraft.http.limits import (
    CAS_BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    READ_BYTES,
    SLICE_BYTES,
)
from huffleraft.http.messages import Request, Response, problem_response
from huffleraft.http.parsers import H11Parser, HttptoolsParser, MakeParser
from huffleraft.http.problems import Problem
from huffleraft.kv.limits import VALUE_BYTES_MAX

GET = b"GET /v1/kv/a HTTP/1.1\r\nHost: n1\r\n\r\n"
PUT = b"PUT /v1/kv/a HTTP/1.1\r\nHost: n1\r\nContent-Length: 5\r\n\r\nhello"


def take_all(connection: Connection) -> list[Request | Problem]:
    taken = []
    while (one := connection.take()) is not None:
        taken.append(one)
    return taken


def told(make_parser: MakeParser, *pieces: bytes) -> list[Request | Problem]:
    """Everything that comes of *pieces*."""
    connection = Connection(make_parser)
    taken = []
    for piece in pieces:
        connection.receive(piece)
        taken += take_all(connection)
    return taken


def only_request(make_parser: MakeParser, *pieces: bytes) -> Request:
    (one,) = told(make_parser, *pieces)
    assert isinstance(one, Request), one
    return one


def refusal(make_parser: MakeParser, *pieces: bytes) -> Problem:
    (one,) = told(make_parser, *pieces)
    assert isinstance(one, Problem), one
    return one


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# What is a request.


def test_a_request_comes_with_its_parts_as_they_were_sent(make_parser: MakeParser) -> None:
    request = only_request(
        make_parser,
        head("PUT /v1/kv/a%2Fb//..?timeout=0.6&x=%20 HTTP/1.1", "HOST: n1", "Content-Length: 5")
        + b"hello",
    )
    assert request.method == "PUT"
    assert request.path == b"/v1/kv/a%2Fb//.."
    assert request.query == b"timeout=0.6&x=%20"
    assert request.target == b"/v1/kv/a%2Fb//..?timeout=0.6&x=%20"
    assert request.headers == ((b"host", b"n1"), (b"content-length", b"5"))
    assert request.body == b"hello"
    assert request.keep_alive


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_request_in_pieces_is_the_same_request(make_parser: MakeParser, size: int) -> None:
    pieces = [PUT[start : start + size] for start in range(0, len(PUT), size)]
    assert only_request(make_parser, *pieces) == only_request(make_parser, PUT)


def test_a_whole_url_as_target_means_its_path(make_parser: MakeParser) -> None:
    request = only_request(make_parser, head("GET http://n1:80/v1/kv/a?b=c HTTP/1.1", "Host: n1"))
    assert request.target == b"/v1/kv/a?b=c"
    request = only_request(make_parser, head("GET http://n1 HTTP/1.1", "Host: n1"))
    assert request.target == b"/"


def test_a_chunked_body_is_put_together_and_its_trailers_dropped(make_parser: MakeParser) -> None:
    request = only_request(
        make_parser,
        head("PUT /v1/kv/a HTTP/1.1", "Host: n1", "Transfer-Encoding: chunked"),
        b"3\r\nhel\r\n",
        b"2;x=y\r\nlo\r\n0\r\nX-Trailer: t\r\n\r\n",
    )
    assert request.body == b"hello"
    assert b"x-trailer" not in dict(request.headers)


def test_requests_sent_together_come_in_their_order(make_parser: MakeParser) -> None:
    first, second, third = told(make_parser, PUT + GET + PUT)
    assert [one.method for one in (first, second, third) if isinstance(one, Request)] == [
        "PUT",
        "GET",
        "PUT",
    ]


def test_only_a_slice_of_what_was_sent_together_is_held_as_requests(
    make_parser: MakeParser,
) -> None:
    connection = Connection(make_parser)
    connection.receive(GET * (READ_BYTES // len(GET)))
    connection.take()
    assert len(connection._requests) <= SLICE_BYTES // len(GET)
    assert len(take_all(connection)) == READ_BYTES // len(GET) - 1


def test_an_offer_to_switch_protocols_is_declined_by_answering(make_parser: MakeParser) -> None:
    offer = head("GET /v1/kv/a HTTP/1.1", "Host: n1", "Connection: Upgrade", "Upgrade: h2c")
    first, second = told(make_parser, offer + PUT)
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert second.body == b"hello"


@pytest.mark.parametrize(
    "version, header, stays",
    [
        ("1.1", "X: y", True),
        ("1.1", "Connection: close", False),
        ("1.1", "Connection: foo, CLOSE", False),
        ("1.0", "X: y", False),
        ("1.0", "Connection: Keep-Alive", True),
    ],
)
def test_the_client_says_whether_the_connection_stays(
    make_parser: MakeParser, version: str, header: str, stays: bool
) -> None:
    request = only_request(make_parser, head(f"GET /a HTTP/{version}", "Host: n1", header))
    assert request.keep_alive is stays


def test_nothing_is_taken_after_a_clients_last_request(make_parser: MakeParser) -> None:
    last = head("GET /a HTTP/1.1", "Host: n1", "Connection: close")
    assert only_request(make_parser, last + GET, GET, b"\x00rubbish").path == b"/a"


# What is waited for.


def test_the_connection_says_what_it_waits_for(make_parser: MakeParser) -> None:
    connection = Connection(make_parser)
    seen = [connection.phase]
    for piece in (PUT[:9], PUT[9:-2], PUT[-2:]):
        connection.receive(piece)
        take_all(connection)
        seen.append(connection.phase)
    assert seen == [Phase.IDLE, Phase.HEAD, Phase.BODY, Phase.IDLE]


EXPECTING = head("PUT /v1/kv/a HTTP/1.1", "Host: n1", "Content-Length: 5", "Expect: 100-continue")


def test_a_client_that_asks_is_told_to_send_its_body_once(make_parser: MakeParser) -> None:
    connection = Connection(make_parser)
    connection.receive(EXPECTING)
    assert connection.take() is None
    assert connection.interim() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert connection.interim() == b""
    connection.receive(b"hello")
    request = connection.take()
    assert isinstance(request, Request)
    assert request.body == b"hello"


def test_a_client_that_sends_its_body_unasked_is_not_told_to(make_parser: MakeParser) -> None:
    connection = Connection(make_parser)
    connection.receive(EXPECTING + b"hel")
    assert connection.take() is None
    assert connection.interim() == b""


def test_a_client_is_not_told_to_send_a_body_that_would_be_refused(make_parser: MakeParser) -> None:
    connection = Connection(make_parser)
    connection.receive(EXPECTING.replace(b": 5", b": %d" % (VALUE_BYTES_MAX + 1)))
    refused = connection.take()
    assert isinstance(refused, Problem)
    assert refused.status == 413
    assert connection.interim() == b""


# What is refused.


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
        b"SET a 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: n1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: n1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: n1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: n1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: n1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: n1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"PUT / HTTP/1.0\r\nHost: n1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: n1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET a HTTP/1.1\r\nHost: n1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: n1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: n1\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nHost: n1\r\n\r\n",
        b"GET /v1/kv/a b HTTP/1.1\r\nHost: n1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_in_one_sentence(
    make_parser: MakeParser, sent: bytes
) -> None:
    problem = refusal(make_parser, sent, GET)
    assert problem.status in (400, 501)
    assert problem.code in ("bad-request", "transfer-coding-unknown")
    assert problem.definite
    assert "\n" not in problem.detail


def test_a_version_that_is_not_spoken_is_named(make_parser: MakeParser) -> None:
    problem = refusal(make_parser, b"GET / HTTP/2.0\r\nHost: n1\r\n\r\n")
    assert problem.status in (400, 505)


def test_an_unknown_expectation_is_refused(make_parser: MakeParser) -> None:
    problem = refusal(make_parser, EXPECTING.replace(b"100-continue", b"wonders"))
    assert problem.status == 417


def test_what_was_right_is_answered_before_what_was_wrong(make_parser: MakeParser) -> None:
    first, second, third = told(make_parser, PUT + GET + b"\x00\x00\r\n\r\n" + GET)
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert isinstance(third, Problem)


# Bounds.


def test_a_head_up_to_the_limit_is_taken_and_a_larger_one_refused(make_parser: MakeParser) -> None:
    def with_padding(size: int) -> bytes:
        return head("GET /a HTTP/1.1", "Host: n1", "X: " + "y" * size)

    only_request(make_parser, with_padding(HEAD_BYTES_MAX - 200))
    assert refusal(make_parser, with_padding(HEAD_BYTES_MAX + 1)).status in (400, 431)


@pytest.mark.parametrize("start", [b"GET /", b"GET /a HTTP/1.1\r\nHost: n1\r\nX: ", b"GET /a?"])
def test_a_head_without_end_is_refused_before_it_is_held(
    make_parser: MakeParser, start: bytes
) -> None:
    connection = Connection(make_parser)
    connection.receive(start)
    fed = 0
    while (taken := connection.take()) is None:
        connection.receive(b"y" * 1024)
        fed += 1024
        assert fed <= HEAD_BYTES_MAX + 2 * SLICE_BYTES
    assert isinstance(taken, Problem)
    assert taken.status in (400, 431)


def test_too_many_headers_are_refused(make_parser: MakeParser) -> None:
    few = [f"X-{n}: y" for n in range(HEADERS_MAX - 1)]
    only_request(make_parser, head("GET /a HTTP/1.1", "Host: n1", *few))
    assert refusal(make_parser, head("GET /a HTTP/1.1", "Host: n1", *few, "Y: z")).status == 431


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(
    make_parser: MakeParser,
) -> None:
    def announcing(size: int, path: str) -> list[Request | Problem]:
        return told(
            make_parser, head(f"PUT {path} HTTP/1.1", "Host: n1", f"Content-Length: {size}")
        )

    assert announcing(VALUE_BYTES_MAX, "/v1/kv/a") == []
    (problem,) = announcing(VALUE_BYTES_MAX + 1, "/v1/kv/a")
    assert isinstance(problem, Problem)
    assert problem.status == 413
    assert str(VALUE_BYTES_MAX) in problem.detail
    assert announcing(CAS_BODY_BYTES_MAX, "/v1/cas/a") == []
    (problem,) = announcing(CAS_BODY_BYTES_MAX + 1, "/v1/cas/a")
    assert isinstance(problem, Problem)
    (problem,) = announcing(10**18, "/v1/kv/a")
    assert isinstance(problem, Problem)


def test_the_largest_value_is_taken(make_parser: MakeParser) -> None:
    start = head("PUT /v1/kv/a HTTP/1.1", "Host: n1", f"Content-Length: {VALUE_BYTES_MAX}")
    pieces = [b"v" * READ_BYTES] * (VALUE_BYTES_MAX // READ_BYTES)
    assert len(only_request(make_parser, start, *pieces).body) == VALUE_BYTES_MAX


def test_a_chunked_body_is_refused_where_it_goes_beyond_the_limit(make_parser: MakeParser) -> None:
    connection = Connection(make_parser)
    connection.receive(head("PUT /v1/kv/a HTTP/1.1", "Host: n1", "Transfer-Encoding: chunked"))
    fed = 0
    chunk = b"%x\r\n%b\r\n" % (READ_BYTES, b"v" * READ_BYTES)
    while (taken := connection.take()) is None:
        connection.receive(chunk)
        fed += READ_BYTES
        assert fed <= VALUE_BYTES_MAX + READ_BYTES
    assert isinstance(taken, Problem)
    assert taken.status == 413


@pytest.mark.parametrize(
    "endless", [b"1;" + b"e" * 1022, b"0\r\nX: " + b"t" * 1018], ids=["extension", "trailer"]
)
def test_chunks_that_carry_nothing_are_refused(make_parser: MakeParser, endless: bytes) -> None:
    connection = Connection(make_parser)
    connection.receive(head("PUT /v1/kv/a HTTP/1.1", "Host: n1", "Transfer-Encoding: chunked"))
    connection.take()
    connection.receive(endless)
    fed = 0
    while (taken := connection.take()) is None:
        connection.receive(b"e" * 1024)
        fed += 1024
        assert fed <= HEAD_BYTES_MAX + 2 * SLICE_BYTES
    assert isinstance(taken, Problem)


# What is answered.


def answered(make_parser: MakeParser, sent: bytes, response: Response) -> tuple[str, bytes]:
    connection = Connection(make_parser)
    connection.receive(sent)
    request = connection.take()
    assert isinstance(request, Request)
    start, _, body = connection.respond(request, response).partition(b"\r\n\r\n")
    return start.decode(), body


FOUND = Response(200, ((b"ETag", b'"7"'),), b"hello")


def test_an_answer_has_its_length(make_parser: MakeParser) -> None:
    assert answered(make_parser, GET, FOUND) == (
        'HTTP/1.1 200 OK\r\nETag: "7"\r\nContent-Length: 5',
        b"hello",
    )


def test_an_answer_to_head_is_that_to_get_without_the_body(make_parser: MakeParser) -> None:
    start, body = answered(make_parser, GET.replace(b"GET", b"HEAD"), FOUND)
    assert (start, body) == (answered(make_parser, GET, FOUND)[0], b"")


def test_no_content_has_neither_body_nor_length(make_parser: MakeParser) -> None:
    start, body = answered(make_parser, GET, Response(204, ()))
    assert (start, body) == ("HTTP/1.1 204 No Content", b"")


def test_an_old_client_is_told_that_the_connection_stays(make_parser: MakeParser) -> None:
    sent = head("GET /a HTTP/1.0", "Connection: keep-alive")
    assert "Connection: keep-alive" in answered(make_parser, sent, FOUND)[0]


@pytest.mark.parametrize("why", ["the client", "the server"])
def test_a_last_answer_says_so(make_parser: MakeParser, why: str) -> None:
    connection = Connection(make_parser)
    client_ends = why == "the client"
    connection.receive(
        head("GET /a HTTP/1.1", "Host: n1", "Connection: close") if client_ends else GET
    )
    request = connection.take()
    assert isinstance(request, Request)
    assert not connection.closing
    sent = connection.respond(request, FOUND, keep_alive=client_ends)
    assert b"\r\nConnection: close\r\n" in sent
    assert connection.closing


def test_a_refusal_is_the_last_answer_and_a_problem_document(make_parser: MakeParser) -> None:
    connection = Connection(make_parser)
    connection.receive(b"nonsense\r\n\r\n")
    problem = connection.take()
    assert isinstance(problem, Problem)
    start, _, body = connection.refuse(problem_response(problem)).partition(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json")
    assert b"Connection: close" in start
    document = json.loads(body)
    assert document["code"] == "bad-request"
    assert document["definite"] is True
    assert connection.closing


# Both parsers, any cut.


@given(
    bodies=st.lists(st.binary(max_size=40), max_size=4),
    cuts=st.lists(st.integers(0, 600), max_size=8),
)
def test_how_bytes_are_cut_changes_nothing_on_either_parser(
    bodies: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(
        b"PUT /v1/kv/%d HTTP/1.1\r\nHost: n1\r\nContent-Length: %d\r\n\r\n%b" % (n, len(body), body)
        for n, body in enumerate(bodies)
    )
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]
    for make_parser in (HttptoolsParser, H11Parser):
        taken = told(make_parser, *pieces)
        assert [one.body for one in taken if isinstance(one, Request)] == bodies


@given(sent=st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_make_either_parser_raise(sent: list[bytes]) -> None:
    for make_parser in (HttptoolsParser, H11Parser):
        for one in told(make_parser, *sent):
            assert isinstance(one, Request | Problem)

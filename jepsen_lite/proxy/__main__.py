"""`python -m jepsen_lite.proxy n1 n2 n3`: the proxy's process.

One line out with the addresses, then one line out for each line in.  The end of standard input is
the end of the proxy: a harness that was killed leaves no proxy behind.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import msgspec

from jepsen_lite.proxy.control import LINE_BYTES_MAX, Answer, Started, command_decoder, encoder
from jepsen_lite.proxy.exchange import TcpExchange, Unanswerable
from jepsen_lite.proxy.ports import NoFreePorts


async def _serve(nodes: tuple[str, ...]) -> None:
    commands = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    exchange = TcpExchange(nodes)
    try:
        _say(Started(exchange.addresses))
        while line := await commands.readline():
            _say(await _answered(exchange, line))
    finally:
        exchange.close()


async def _answered(exchange: TcpExchange, line: bytes) -> Answer:
    try:
        command = command_decoder.decode(line)
    except msgspec.DecodeError as error:
        return Answer(0, error=f"not a command of this proxy: {error}")
    try:
        return await exchange.obey(command)
    except (Unanswerable, NoFreePorts, OSError) as error:
        return Answer(command.number, error=str(error))


def _say(line: msgspec.Struct) -> None:
    sys.stdout.buffer.write(encoder.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def main(arguments: list[str]) -> int:
    """Run until standard input ends.  Exit code 2 for a wrong command line, 1 without ports."""
    if not arguments or len(set(arguments)) < len(arguments):
        sys.stderr.write("usage: python -m jepsen_lite.proxy NODE...  (each node id once)\n")
        return 2
    # Ctrl-C reaches a whole terminal; the harness undoes its faults first and then lets us go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(_serve(tuple(arguments)))
    except NoFreePorts as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Property test: whatever is asked in whatever order, the emulator does what the reference says,
and every answer is one that the service model allows."""

import os
import unittest

import conforms
from sequences import Reference, carry_out, named, sequence
from servers import GATEWAY, Emulator

SEQUENCES = int(os.environ.get("SEQUENCES", "25"))
LENGTH = 60


class Sequences(unittest.TestCase):
    def test_the_emulator_does_what_the_reference_says(self):
        with Emulator() as emulator:
            emulator.freeze()
            client = emulator.client(validate=False)
            problems = []
            conforms.watch(client, problems)
            for seed in range(SEQUENCES):
                with self.subTest(seed=seed):
                    made = client.create_gateway(**{**GATEWAY, "name": f"g{seed}"})
                    self.run_one(emulator, client, made["gatewayId"], seed)
            self.assertEqual(problems, [])

    def run_one(self, emulator, client, gateway, seed):
        reference, ids, seen = Reference(), [], set()
        for number, call in enumerate(sequence(seed, LENGTH)):
            if call["kind"] == "step":
                emulator.step(f"{call['milliseconds']}ms")
                reference.step(call["milliseconds"])
                continue
            known = dict(call)
            if "target" in call:
                known["target"] = named(ids, call["target"])
            expected = reference.foretell(**known)
            code, target, answer = carry_out(client, gateway, ids, **call)
            self.assertEqual(code, expected, f"call {number}: {call}")
            if code is not None:
                continue
            first = reference.repeated(call.get("token"))
            if first:
                self.assertEqual(target, first, f"call {number}: a token came again")
                continue
            if call["kind"] == "create":
                self.assertNotIn(target, seen, "an ID came twice")
                seen.add(target)
                ids.append(target)
            known["target"] = target
            reference.accept(**known)
            if call["kind"] == "get":
                state = reference.targets[target]
                got = (answer["name"], answer.get("description"), answer["status"])
                self.assertEqual(got, (state.name, state.description, state.status))
            elif call["kind"] == "list":
                got = [(i["name"], i.get("description"), i["status"]) for i in answer["items"]]
                size = call.get("size", 100)
                self.assertEqual(got, reference.listed()[:size], f"call {number}")
                self.assertEqual("nextToken" in answer, len(reference.listed()) > size)


if __name__ == "__main__":
    unittest.main()

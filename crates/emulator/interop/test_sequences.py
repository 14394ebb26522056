"""Property test: whatever is asked in whatever order, the emulator does what the reference says,
and every answer is one that the service model allows."""

import os
import unittest

import conforms
from sequences import Reference, carry_out, sequence
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
                index = call["target"]
                known["target"] = ids[index] if index < len(ids) else "0000000000"
            expected = reference.foretell(**known)
            code, target, answer = carry_out(client, gateway, ids, **call)
            self.assertEqual(code, expected, f"call {number}: {call}")
            if code is not None:
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
                self.assertCountEqual(got, reference.listed())


if __name__ == "__main__":
    unittest.main()

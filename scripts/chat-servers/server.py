"""llama.cpp's server in this process, with one slot: it works on one request after another.

usage: server.py MODEL.gguf PORT   (needs xllamacpp)
"""

import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
parameters.n_ctx = 16384
parameters.n_parallel = 1
parameters.model_alias = {"tiny"}
parameters.warmup = False
parameters.cpuparams.n_threads = 1
server = xllamacpp.Server(parameters)
while True:
    time.sleep(1)

/**
 * The train command as its users run it: a process of its own, on a small data set, with the reference
 * engine.
 */
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createEngine } from '../../src/engines/create.ts'
import { readModel } from '../../src/formats/model-file.ts'
import { writeSafetensors } from '../../src/formats/safetensors.ts'
import { readCheckpoint } from '../../src/run/checkpoint.ts'
import { deadLatentUnits } from '../../src/run/latent-units.ts'
import { startCommand, stdoutLines } from '../support/command.ts'
import { skipTest } from '../support/skip.ts'
import { smallDataset, writeDataset } from '../support/small-data.ts'
import { data, expectSuccess, freshDirectory, records, root, small, train } from '../support/train-command.ts'

const DEVICES = ['reference', 'cpu'] as const

test('trains, prints plain lines, and leaves weights, plot and checkpoint', async () => {
  const cwd = freshDirectory()
  const outcome = await train(cwd, ...small, '-e', '2')
  expectSuccess(outcome)
  const { stdout } = outcome
  assert.match(stdout, 'Autoencoder 30 → 9 → 3 → 9 → 30')
  assert.match(stdout, /fc1 {2}\(9, 30\) +ReLU +279 parameters/)
  assert.match(stdout, '645 parameters, compression 10:1')
  assert.match(stdout, '53 training and 11 test images of 6 × 5')
  assert.match(stdout, /^Machine {2}reference, 1 thread, float64/m)
  assert.match(stdout, /^epoch 1\/2 {2}train 0\.\d{5} {2}test 0\.\d{5} {2}lr 0\.001 /m)
  assert.match(stdout, /^epoch 2\/2 /m)
  assert.match(stdout, /^Latent units: /m)
  assert.match(stdout, 'Wrote weights.pth, plot.png, weights.checkpoint.safetensors')
  assert.not.match(stdout, '\x1b', 'no terminal codes where stdout is no terminal')
  assert.equal(readdirSync(cwd).sort(), ['plot.png', 'weights.checkpoint.safetensors', 'weights.pth'])
  assert.equal([...readFileSync(join(cwd, 'plot.png')).subarray(1, 4)], [...Buffer.from('PNG')])
})

test('--json: start, one record an epoch, end; weights under the name and in the format asked for', async () => {
  const cwd = freshDirectory()
  const args = [
    '-e',
    '2',
    '-s',
    'a.safetensors',
    '-p',
    'a.png',
    '--seed',
    '5',
    '--noise_std',
    '0.1',
    '--json',
  ]
  const outcome = await train(cwd, ...small, ...args, '--limit', '40', '--latent-activation', 'identity')
  expectSuccess(outcome)
  const [start, first, second, end] = records(outcome.stdout)
  const expected = {
    type: 'start',
    z: 3,
    hidden: [9],
    input: 30,
    latentActivation: 'identity',
    seed: 5,
    epochs: 2,
    batchSize: 8,
    learningRate: 0.001,
    weightDecay: 1e-5,
    noiseStd: 0.1,
    data,
    limit: 40,
    trainImages: 40,
    testImages: 11,
    parameters: 645,
    device: 'reference',
    resumed: null,
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(start[name], value, name)
  for (const [record, epoch] of [
    [first, 1],
    [second, 2],
  ] as const) {
    assert.equal(Object.keys(record), [
      'type',
      'epoch',
      'trainLoss',
      'testLoss',
      'learningRate',
      'seconds',
      'imagesPerSecond',
    ])
    assert.is(record.type, 'epoch')
    assert.is(record.epoch, epoch)
    for (const name of ['trainLoss', 'testLoss', 'seconds', 'imagesPerSecond']) {
      assert.ok(Number(record[name]) > 0 && Number.isFinite(record[name]), `${name}: ${record[name]}`)
    }
  }
  assert.is(end.type, 'end')
  assert.is(end.interrupted, false)
  assert.equal(end.files, ['a.safetensors', 'a.png', 'a.checkpoint.safetensors'])
  assert.is(end.testLoss, second.testLoss)
  assert.is(end.activeLatentUnits, 3)
  const { parameters, network } = readModel(readFileSync(join(cwd, 'a.safetensors')), 'a.safetensors')
  assert.is(network.layers[1].activation, 'identity')
  assert.is(end.parametersSha256, createHash('sha256').update(parameters).digest('hex'))
})

test('a latent unit is dead if no test image wakes it, however late one comes', async () => {
  const { train: trainSet, test: testSet } = smallDataset(53, 540)
  // Black, but for the last 40.
  testSet.rows.fill(0, 0, 500 * 30)
  const late = writeDataset(join(root, 'late'), { name: 'late', train: trainSet, test: testSet })
  const cwd = freshDirectory()
  const outcome = await train(cwd, ...small, '--z', '20', '--data', late, '-e', '1', '--json')
  expectSuccess(outcome)
  const { network, parameters } = readModel(readFileSync(join(cwd, 'weights.pth')), 'weights.pth')
  const engine = await createEngine(network, { device: 'reference' })
  const slab = new Float32Array(parameters.length)
  await engine.writeState({ parameters, firstMoment: slab, secondMoment: slab, steps: 0 })
  const deadIn = async (images: Uint8Array) => deadLatentUnits(await engine.encode(images), 20)
  const dead = await deadIn(testSet.rows)
  const silentAtFirst = await deadIn(testSet.rows.subarray(0, 500 * 30))
  await engine.dispose()
  assert.ok(dead.length > 0 && silentAtFirst.length > dead.length, `${silentAtFirst} and then ${dead}`)
  assert.equal(records(outcome.stdout).at(-1)?.deadLatentUnits, dead)
})

for (const device of DEVICES) {
  const run = [...small, '--device', device, '--json']

  test(`${device}: --resume alone goes on with the run's own settings, to the same bits`, async () => {
    const cwd = freshDirectory()
    const settings = ['--lr', '0.01', '--seed', '9', '--limit', '45', '--noise-std', '0.1', '-s', 'm.pth']
    const whole = await train(cwd, ...run, ...settings, '-e', '4', '-s', 'whole.pth')
    const part = await train(cwd, ...run, ...settings, '-e', '2')
    const rest = await train(
      cwd,
      '--resume',
      'm.checkpoint.safetensors',
      '-e',
      '4',
      '--device',
      device,
      '--json',
    )
    for (const outcome of [whole, part, rest]) expectSuccess(outcome)
    const [start, third, fourth, end] = records(rest.stdout)
    assert.equal(start.resumed, { file: 'm.checkpoint.safetensors', epoch: 2, step: 0 })
    assert.equal([third.epoch, fourth.epoch], [3, 4])
    assert.equal(end.files, ['m.pth', 'plot.png', 'm.checkpoint.safetensors'])
    assert.is(end.parametersSha256, records(whole.stdout)[5].parametersSha256)
    assert.equal(readFileSync(join(cwd, 'm.pth')), readFileSync(join(cwd, 'whole.pth')))
  })

  if (process.platform === 'win32') {
    skipTest(test, `${device}: Ctrl-C`, 'Windows has no signals to send')
  } else {
    test(`${device}: Ctrl-C finishes the step, saves and exits 130; --resume gives the uninterrupted run's bits`, async () => {
      const cwd = freshDirectory()
      const big = writeDataset(join(cwd, 'big'), smallDataset(1000, 5))
      const args = ['--data', big, '--hidden', '9', '--z', '3', '-b', '2', '--device', device, '--json']
      const running = startCommand('train', [...args, '-e', '1000'], cwd)
      await stdoutLines(running, 2)
      running.child.kill('SIGINT')
      // npm hands the terminal's Ctrl-C on, so that it comes twice.
      running.child.stderr?.once('data', () => running.child.kill('SIGINT'))
      const stopped = await running.outcome
      assert.is(stopped.code, 130)
      assert.is(stopped.stderr, 'Interrupted: finishing the step, then saving\n')
      const end = records(stopped.stdout).at(-1) ?? {}
      assert.is(end.type, 'end')
      assert.is(end.interrupted, true)

      const file = join(cwd, 'weights.checkpoint.safetensors')
      const { progress } = readCheckpoint(readFileSync(file), file)
      assert.is(progress.epoch, end.epochs)
      assert.ok(progress.epoch >= 1 && progress.epoch < 1000)
      const { parameters } = readModel(readFileSync(join(cwd, 'weights.pth')), 'weights.pth')
      const found = createHash('sha256').update(parameters).digest('hex')
      assert.is(found, end.parametersSha256, 'what was saved is where it stopped')

      const epochs = String(progress.epoch + 1)
      const rest = await train(cwd, '--resume', file, '-e', epochs, '--json', '--device', device)
      const whole = await train(freshDirectory(), ...args, '-e', epochs)
      for (const outcome of [rest, whole]) expectSuccess(outcome)
      assert.is(records(rest.stdout).at(-1)?.parametersSha256, records(whole.stdout).at(-1)?.parametersSha256)
    })
  }

  if (device === 'cpu' && process.platform !== 'win32') {
    test('Ctrl-C: the command that goes on is printed whole', async () => {
      const big = writeDataset(join(freshDirectory(), 'big'), smallDataset(1000, 5))
      const args = ['--data', big, '--hidden', '9', '--z', '3', '-b', '2', '-e', '1000', '-s', 'my model.pth']
      const running = startCommand('train', args, freshDirectory())
      const sawEpoch = (text: string) => text.includes('epoch    1') && running.child.kill('SIGINT')
      running.child.stdout?.on('data', sawEpoch)
      const { stdout } = await running.outcome
      const command = "npm run train -- --resume 'my model.checkpoint.safetensors'"
      assert.match(stdout, new RegExp(`^Interrupted after \\d+ of 1000 epochs; to go on: ${command}$`, 'm'))
    })
  }

  test(`${device}: a loss that is no number stops the run and keeps the last good checkpoint`, async () => {
    const cwd = freshDirectory()
    expectSuccess(await train(cwd, ...run, '-e', '1'))
    const files = readdirSync(cwd).map((name) => [name, readFileSync(join(cwd, name))] as const)
    const outcome = await train(cwd, ...run, '-e', '2', '--lr', device === 'reference' ? '1e200' : '1e38')
    assert.is(outcome.code, 1)
    assert.match(
      outcome.stderr,
      /^error: the loss of step \d+ of epoch 1 is NaN: try a lower learning rate\n$/,
    )
    for (const [name, bytes] of files) assert.equal(readFileSync(join(cwd, name)), bytes, name)
  })
}

/** One line on stderr, nothing on stdout, and no file left behind. */
async function expectRefusal(
  code: number,
  message: string | RegExp,
  args: readonly string[],
  cwd = freshDirectory(),
): Promise<void> {
  const before = readdirSync(cwd).sort()
  const outcome = await train(cwd, ...args)
  if (typeof message === 'string') assert.is(outcome.stderr, `error: ${message}\n`)
  else assert.match(outcome.stderr, message)
  assert.is(outcome.code, code)
  assert.is(outcome.stdout, '')
  assert.equal(readdirSync(cwd).sort(), before)
}

/** Several commands at once: most of each is Node's start. */
async function inPairs(checks: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = [...checks]
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) await check()
  }
  await Promise.all([work(), work()])
}

test('refuses values that are no use, by flag, with exit code 2', async () => {
  const counts = [
    ['--z', 'z', 'from 1 to 65536'],
    ['--bottleneck', 'z', 'from 1 to 65536'],
    ['--hidden', 'hidden', 'from 1 to 65536'],
    ['-e', 'epochs', 'of at least 1'],
    ['--batch_size', 'batch-size', 'of at least 1'],
    ['--threads', 'threads', 'from 1 to 256'],
    ['--limit', 'limit', 'of at least 1'],
  ] as const
  const values = ['0', '-1', '2.5', 'NaN', '', '1e3', 'Infinity']
  const checks = counts.map(([flag, name, range], i) => () => {
    const found = values[i] === '' ? "''" : values[i]
    return expectRefusal(2, `--${name}: expected a whole number ${range}, found ${found}`, [
      `${flag}=${values[i]}`,
    ])
  })
  await inPairs(checks)
})

test('refuses flags that do not exist, words, and values out of range, with exit code 2', async () => {
  const cases: [string[], string][] = [
    [['--epohcs', '3'], 'unknown flag --epohcs: did you mean --epochs?'],
    [['--frobnicate'], 'unknown flag --frobnicate; --help lists the flags'],
    [['8'], 'unexpected argument: 8'],
    [['--z'], '--z: expected a value, found nothing'],
    [['--lr', '0'], '--lr: expected a number greater than 0, found 0'],
    [['--lr', 'NaN'], '--lr: expected a number greater than 0, found NaN'],
    [['--final-lr', '1e-4'], '--final-lr: expected none with the schedule plateau, found 0.0001'],
    [
      ['--schedule', 'cosine', '--final-lr', '1'],
      '--final-lr: expected at most the learning rate 0.001, found 1',
    ],
    [['--warmup', '31'], '--warmup: expected at most the 30 epochs, found 31'],
    [['--schedule', 'step'], '--schedule: expected one of plateau, cosine, linear, constant, found step'],
    [['--weight-decay=-1e-5'], '--weight-decay: expected a number from 0 to 1, found -1e-5'],
    [['--noise_std', 'x'], '--noise-std: expected a number of at least 0, found x'],
    [['--seed', '4294967296'], '--seed: expected a whole number from 0 to 4294967295, found 4294967296'],
    [['--device', 'gpu'], '--device: expected one of auto, cpu, wasm, webgpu, reference, found gpu'],
    [
      ['--latent-activation', 'gelu'],
      '--latent-activation: expected one of relu, tanh, sigmoid, identity, found gelu',
    ],
    [['--hidden', '9,0'], '--hidden: expected a whole number from 1 to 65536, found 0'],
    [['--loss', 'mae'], '--loss: expected one of mse, bce, found mae'],
    [
      ['--loss', 'bce', '--output-activation', 'identity'],
      '--output-activation: expected sigmoid with --loss bce, found identity',
    ],
    [['-s', 'model.bin'], 'model.bin: expected a name that ends in .pth or .safetensors'],
    [['-s', ''], "--save: expected a path, found ''"],
    [['-p', 'loss.svg'], '--plot: expected a .png file, found loss.svg'],
    [['-b', '54'], '--batch-size: expected at most the 53 training images, found 54'],
    [['--limit', '54', '-b', '8'], '--limit: expected at most the 53 training images, found 54'],
    [
      ['-s', 'a.safetensors', '--checkpoint', './a.safetensors', '-b', '8'],
      '--save, --plot, --checkpoint: expected three files, found a.safetensors, plot.png, ./a.safetensors',
    ],
  ]
  await inPairs(
    cases.map(
      ([args, message]) =>
        () =>
          expectRefusal(2, message, ['--data', data, ...args]),
    ),
  )
})

test('refuses faulty IDX files, by name, with exit code 1', async () => {
  const images = join(data, 'train-images-idx3-ubyte')
  const good = readFileSync(images)
  const withMagic = (magic: number) => {
    const bytes = Buffer.from(good)
    bytes.writeUInt32BE(magic)
    return bytes
  }
  const cases: [string, Uint8Array, string][] = [
    ['train-images-idx3-ubyte', withMagic(0x89504e47), 'magic'],
    ['train-images-idx3-ubyte', withMagic(0x0801), 'rank 3'],
    ['train-images-idx3-ubyte', good.subarray(0, 500), 'expected 1606 bytes, found 500'],
    ['train-images-idx3-ubyte', Buffer.concat([good, Buffer.of(0)]), 'expected 1606 bytes, found 1607'],
    ['train-labels-idx1-ubyte', readFileSync(join(data, 't10k-labels-idx1-ubyte')), 'expected 53 labels'],
    ['t10k-images-idx3-ubyte.gz', good, 'expected gzip data'],
  ]
  await inPairs(
    cases.map(([name, bytes, message]) => async () => {
      const cwd = freshDirectory()
      const directory = writeDataset(join(cwd, 'idx'), smallDataset(53, 11))
      if (name.endsWith('.gz')) rmSync(join(directory, name.slice(0, -3)))
      writeFileSync(join(directory, name), bytes)
      const { code, stderr, stdout } = await train(cwd, ...small, '--data', directory)
      assert.match(stderr, /^error: .+\n$/, 'one line')
      assert.ok(stderr.includes(join(directory, name)), stderr)
      assert.ok(stderr.includes(message), stderr)
      assert.is(code, 1)
      assert.is(stdout, '')
      assert.equal(readdirSync(cwd), ['idx'])
    }),
  )
})

test('refuses outputs that cannot be written before it trains', async () => {
  const cwd = freshDirectory()
  mkdirSync(join(cwd, 'taken.png'))
  await expectRefusal(1, 'taken.png: expected a file, found a directory', [...small, '-p', 'taken.png'], cwd)
  const { code, stderr } = await train(cwd, ...small, '-s', 'nowhere/weights.pth')
  assert.is(code, 1)
  assert.match(
    stderr,
    /^error: nowhere\/weights\.pth: expected a writable directory .*no such file or directory\n$/,
  )
  assert.not.ok(existsSync(join(cwd, 'nowhere')))
})

if (process.platform === 'win32' || process.getuid?.() === 0) {
  skipTest(test, 'refuses a directory without write permission', 'root and Windows may write anywhere')
} else {
  test('refuses a directory without write permission', async () => {
    const cwd = freshDirectory()
    chmodSync(cwd, 0o555)
    const { code, stderr } = await train(cwd, ...small)
    assert.is(code, 1)
    assert.match(stderr, 'permission denied')
  })
}

test('a deep network of other activations and loss trains, and resumes to the same bits', async () => {
  const deep = [
    '--data',
    data,
    '--hidden',
    '14,7',
    '-z',
    '3',
    '-b',
    '8',
    '--json',
    '--threads',
    '2',
    '--device',
    'cpu',
  ]
  const kinds = ['--activation', 'tanh', '--latent-activation', 'identity', '--loss', 'bce', '--seed', '4']
  const [whole, first] = [freshDirectory(), freshDirectory()]
  const uninterrupted = await train(whole, ...deep, ...kinds, '-e', '3')
  expectSuccess(uninterrupted)
  const [start] = records(uninterrupted.stdout)
  assert.equal(start.hidden, [14, 7])
  assert.equal(
    [start.activation, start.latentActivation, start.outputActivation],
    ['tanh', 'identity', 'sigmoid'],
  )
  assert.is(start.loss, 'bce')
  expectSuccess(await train(first, ...deep, ...kinds, '-e', '1'))
  const file = 'weights.checkpoint.safetensors'
  const rest = await train(first, '--resume', file, '-e', '3', '--json', '--device', 'cpu')
  expectSuccess(rest)
  assert.is(
    records(rest.stdout).at(-1)?.parametersSha256,
    records(uninterrupted.stdout).at(-1)?.parametersSha256,
  )
  const { network } = readModel(readFileSync(join(first, 'weights.pth')), 'weights.pth')
  assert.equal(
    network.layers.map(({ name, outputs, activation }) => `${name} ${outputs} ${activation}`),
    ['fc1 14 tanh', 'fc2 7 tanh', 'fc3 3 identity', 'fc4 7 tanh', 'fc5 14 tanh', 'fc6 30 sigmoid'],
  )
  for (const [flags, message] of [
    [['--hidden', '14'], '--hidden 14, found one of 14,7'],
    [['--activation', 'relu'], '--activation relu, found one of tanh'],
    [['--loss', 'mse'], '--loss mse, found one of bce'],
  ] as const) {
    await expectRefusal(
      1,
      `${file}: expected a checkpoint of ${message}`,
      ['--resume', file, ...flags],
      first,
    )
  }
})

test('a run of which every epoch is done has nothing left to do, and is no fault', async () => {
  const cwd = freshDirectory()
  expectSuccess(await train(cwd, ...small, '-e', '1'))
  const { code, stdout, stderr } = await train(cwd, '--resume', 'weights.checkpoint.safetensors')
  assert.is(code, 0)
  assert.is(stdout, '')
  assert.is(stderr, 'weights.checkpoint.safetensors: all 1 epoch is done; more --epochs go on\n')
})

test('refuses to resume from what does not fit', async () => {
  const cwd = freshDirectory()
  expectSuccess(await train(cwd, ...small, '-e', '1', '-s', 'w.safetensors'))
  const file = 'w.checkpoint.safetensors'
  const otherData = writeDataset(join(root, 'fewer'), smallDataset(50, 11))
  const sameSize = smallDataset(53, 11)
  const changed = sameSize.train.rows.slice()
  changed[700] ^= 1
  const altered = writeDataset(join(root, 'altered'), {
    ...sameSize,
    train: { ...sameSize.train, rows: changed },
  })
  writeFileSync(join(cwd, 'empty.safetensors'), writeSafetensors(new Map()))
  const cases: [number, string | RegExp, string[]][] = [
    [1, `${file}: expected a checkpoint of --z 4, found one of 3`, [file, '-z', '4']],
    [1, `${file}: expected a checkpoint of --hidden 8, found one of 9`, [file, '--hidden', '8']],
    [1, `${file}: expected a checkpoint of --seed 3, found one of 1`, [file, '--seed', '3']],
    [1, `${file}: expected a checkpoint of --limit 20, found one of none`, [file, '--limit', '20']],
    [
      1,
      `${file}: expected a checkpoint of 50 training rows, found one of 53`,
      [file, '-e', '2', '--data', otherData],
    ],
    [2, `--epochs: expected more than the 1 epochs that ${file} has done, found 1`, [file, '-e', '1']],
    [
      1,
      new RegExp(
        `${file}: expected a checkpoint of training data of SHA-256 [0-9a-f]{12}…, found one of [0-9a-f]{12}…`,
      ),
      [file, '-e', '2', '--data', altered],
    ],
    [
      1,
      `${file}: expected a checkpoint of arithmetic wasm, separate multiply and add, found one of float64`,
      [file, '-e', '2', '--device', 'cpu', '--simd', 'plain'],
    ],
    [
      1,
      'w.safetensors: expected a training checkpoint, found a file without "hourglass.checkpoint" metadata',
      ['w.safetensors'],
    ],
    [
      1,
      'empty.safetensors: expected a training checkpoint, found a file without "hourglass.checkpoint" metadata',
      ['empty.safetensors'],
    ],
    [1, 'none.safetensors: cannot be read: no such file or directory', ['none.safetensors']],
  ]
  // One after the other: each holds the files of the same run.
  for (const [code, message, args] of cases) await expectRefusal(code, message, ['--resume', ...args], cwd)
})

test.run()

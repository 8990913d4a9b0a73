;; SipHash-2-4 of what lies in memory, with 8 bytes left out. The caller puts a frame at 0 and names where the gap of 8 bytes is; the tag replaces the
;; first 8 bytes. The key comes as four words, so that no key stays here. The reference: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
(module
  (memory (export "memory") 2)
  (func (export "hash")
    (param $k0Low i32) (param $k0High i32) (param $k1Low i32) (param $k1High i32)
    (param $gapAt i32) (param $bytes i32)
    (local $v0 i64) (local $v1 i64) (local $v2 i64) (local $v3 i64)
    (local $word i64) (local $at i32) (local $last i32) (local $rounds i32)

    ;; What stands before the gap moves up and closes it: what is hashed are the $bytes - 8 from 8 on.
    (memory.copy (i32.const 8) (i32.const 0) (local.get $gapAt))

    (local.set $word (i64.or (i64.extend_i32_u (local.get $k0Low)) (i64.shl (i64.extend_i32_u (local.get $k0High)) (i64.const 32))))
    (local.set $v0 (i64.xor (local.get $word) (i64.const 0x736f6d6570736575)))
    (local.set $v2 (i64.xor (local.get $word) (i64.const 0x6c7967656e657261)))
    (local.set $word (i64.or (i64.extend_i32_u (local.get $k1Low)) (i64.shl (i64.extend_i32_u (local.get $k1High)) (i64.const 32))))
    (local.set $v1 (i64.xor (local.get $word) (i64.const 0x646f72616e646f6d)))
    (local.set $v3 (i64.xor (local.get $word) (i64.const 0x7465646279746573)))

    ;; The last word: the 0 to 7 bytes that are left, zeros, and the length modulo 256.
    (local.set $last (i32.and (local.get $bytes) (i32.const -8)))
    (i64.store (local.get $last)
      (i64.or
        (i64.and
          (i64.load (local.get $last))
          (i64.sub
            (i64.shl (i64.const 1) (i64.extend_i32_u (i32.shl (i32.and (local.get $bytes) (i32.const 7)) (i32.const 3))))
            (i64.const 1)))
        (i64.shl (i64.extend_i32_u (i32.sub (local.get $bytes) (i32.const 8))) (i64.const 56))))

    (local.set $at (i32.const 8))
    (loop $words
      (local.set $word (i64.load (local.get $at)))
      (local.set $v3 (i64.xor (local.get $v3) (local.get $word)))
      ;; A round.
      (local.set $v0 (i64.add (local.get $v0) (local.get $v1)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v3)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 13)) (local.get $v0)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 16)) (local.get $v2)))
      (local.set $v0 (i64.add (i64.rotl (local.get $v0) (i64.const 32)) (local.get $v3)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v1)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 17)) (local.get $v2)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 21)) (local.get $v0)))
      (local.set $v2 (i64.rotl (local.get $v2) (i64.const 32)))
      ;; A round.
      (local.set $v0 (i64.add (local.get $v0) (local.get $v1)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v3)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 13)) (local.get $v0)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 16)) (local.get $v2)))
      (local.set $v0 (i64.add (i64.rotl (local.get $v0) (i64.const 32)) (local.get $v3)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v1)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 17)) (local.get $v2)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 21)) (local.get $v0)))
      (local.set $v2 (i64.rotl (local.get $v2) (i64.const 32)))
      (local.set $v0 (i64.xor (local.get $v0) (local.get $word)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $words (i32.le_u (local.get $at) (local.get $last))))

    (local.set $v2 (i64.xor (local.get $v2) (i64.const 0xff)))
    (local.set $rounds (i32.const 4))
    (loop $ending
      ;; A round.
      (local.set $v0 (i64.add (local.get $v0) (local.get $v1)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v3)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 13)) (local.get $v0)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 16)) (local.get $v2)))
      (local.set $v0 (i64.add (i64.rotl (local.get $v0) (i64.const 32)) (local.get $v3)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v1)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 17)) (local.get $v2)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 21)) (local.get $v0)))
      (local.set $v2 (i64.rotl (local.get $v2) (i64.const 32)))
      (br_if $ending (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))

    (i64.store (i32.const 0)
      (i64.xor (i64.xor (local.get $v0) (local.get $v1)) (i64.xor (local.get $v2) (local.get $v3))))))

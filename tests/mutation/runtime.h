/* SPDX-License-Identifier: MIT */
/*
 * tests/mutation/runtime.h - what the rewritten sources call (points.py).
 *
 * Every compiler run of the mutated tree includes it first.  A place has a
 * number; slg_mut_active is number * 4 + change of the one change that is on.
 */
#ifndef SLG_MUTATION_RUNTIME_H
#define SLG_MUTATION_RUNTIME_H

#define MUT_CHANGES 4u

/* Bits of slg_mut_seen: which change of a place would have changed a value. */
#define MUT_TRUE  1u /* also skip, return and sign */
#define MUT_FALSE 2u
#define MUT_OTHER 4u

extern unsigned slg_mut_active;
extern unsigned char *slg_mut_seen;
extern long slg_mut_steps_left;

/* The steps are used up: a loop that the change made endless. */
void
slg_mut_out_of_steps(void);

static inline void
mut_step(void)
{
    if (--slg_mut_steps_left < 0)
        slg_mut_out_of_steps();
}

static inline int
mut_is(unsigned number, int value, int other)
{
    mut_step();
    slg_mut_seen[number] =
        (unsigned char)(slg_mut_seen[number] | (value ? MUT_FALSE : MUT_TRUE) |
                        (value != other ? MUT_OTHER : 0));
    if (slg_mut_active / MUT_CHANGES != number)
        return value;
    switch (slg_mut_active % MUT_CHANGES) {
    case 0:
        return 1;
    case 1:
        return 0;
    default:
        return other;
    }
}

static inline int
mut_on(unsigned number, int matters)
{
    mut_step();
    if (matters)
        slg_mut_seen[number] = MUT_TRUE;
    return slg_mut_active == number * MUT_CHANGES;
}

#define MUT_IS(number, value)                                                  \
    __extension__({                                                            \
        const int mut_value_ = (value) ? 1 : 0;                                \
        mut_is((number), mut_value_, mut_value_);                              \
    })

#define MUT_COMPARE(number, left, is, right, is_else)                          \
    __extension__({                                                            \
        const __auto_type mut_left_ = (left);                                  \
        const __auto_type mut_right_ = (right);                                \
        mut_is((number), mut_left_ is mut_right_,                              \
               mut_left_ is_else mut_right_);                                  \
    })

#define MUT_DO(number) (!mut_on((number), 1))

#define MUT_GIVE(number, value)                                                \
    __extension__({                                                            \
        const __auto_type mut_value_ = (value);                                \
        mut_on((number), 1) ? (__typeof__(mut_value_))(!mut_value_)            \
                            : mut_value_;                                      \
    })

#define MUT_SIGN(number, value)                                                \
    __extension__({                                                            \
        const __auto_type mut_value_ = +(value);                               \
        mut_on((number), mut_value_ != 0) ? -mut_value_ : mut_value_;          \
    })

#endif /* SLG_MUTATION_RUNTIME_H */

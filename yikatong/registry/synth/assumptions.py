"""What no source of ours says about the city's people, and the made-up population needs. Source of all: assumption.

Shapes, not findings: nothing here may be quoted as a figure about a city.
"""

AGE_MAX_YEARS = 100
OLD_AGE_MEAN_BEYOND_65_YEARS = 9.0  # how fast the numbers fall off after 65

COMMUNITY_SIZE_SEED = 20201101
COMMUNITY_SIZE_SIGMA = 0.5

# Relative sizes of nationalities other than Han: Manchu, Hui, Mongol, Korean, Tujia, Zhuang, then all others alike.
MINORITY_WEIGHTS = {"11": 420.0, "03": 300.0, "05": 90.0, "10": 40.0, "15": 35.0, "08": 20.0}
MINORITY_WEIGHT_OF_OTHERS = 2.0

MOTHER_AGE_AT_BIRTH_YEARS = (28.5, 4.5)  # mean, spread
FATHER_OLDER_BY_YEARS = (2.0, 3.0)
PARENT_AGE_AT_BIRTH_RANGE = (20, 45)
FATHER_PRESENT_SHARE = 0.9
SIBLING_SHARE = 0.18  # of children: brought up with the next one in age

STUDENT_AGES = range(18, 23)
STUDENT_SHARE = 0.65
SCHOOL_AGE_FROM = 6
RETIREMENT_AGE = {"1": 60, "2": 55}
RETIREE_SHARE = 0.85
EMPLOYEE_SHARE = 0.76  # of those of working age who do not study
FLEXIBLE_SHARE = 0.11

EMPLOYEES_PER_EMPLOYER = 18
EMPLOYER_SIZE_TAIL = 1.1  # Pareto's exponent: few very large employers, many of one or two people
PUPILS_PER_SCHOOL = 900

PHONE_SHARE_BY_AGE = ((18, 0.25), (60, 0.98), (75, 0.9), (AGE_MAX_YEARS + 1, 0.6))  # below the age: share with a phone
LARGE_PRINT_FROM_AGE, LARGE_PRINT_SHARE = 60, 0.3
HOME_VISIT_FROM_AGE, HOME_VISIT_SHARE = 75, 0.1

OLDER_CARD_SHARE = 0.92  # of all but newborns
FIRST_GENERATION_FROM_AGE, FIRST_GENERATION_SHARE = 40, 0.05
COMBINED_GIVEN_NAME_SHARE = 0.6  # two single-character names put together, as many real ones are

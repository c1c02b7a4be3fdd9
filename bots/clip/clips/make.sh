#!/bin/sh
# Makes the clips that the bots play, with Debian's ffmpeg and fonts-dejavu-core. The results are committed; run this
# only to change them. Every layer shows the same moving test pattern with the frame number burnt in, starts with its
# only key frame, has three temporal layers (frames 0 2 1 2, and so on), and has no invisible (alt-ref) frames, so that one frame is one RTP timestamp. The sound is made of
# voice-like harmonics in syllables with pauses; speech.levels holds one RFC 6464 level (-dBov) a packet.
set -eu
cd "$(dirname "$0")"

frames=240 # 8 s at 30 frames a second
font=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf

video() { # name width height kbit/s
	ffmpeg -hide_banner -loglevel error -y -fflags +bitexact \
		-f lavfi -i "testsrc2=size=1280x720:rate=30" -frames:v "$frames" \
		-vf "drawtext=fontfile=$font:text='%{n}':x=(w-tw)/2:y=(h-th)/2:fontsize=160:fontcolor=white:box=1:boxcolor=black,scale=$2:$3:flags=area" \
		-c:v libvpx -threads 1 -deadline good -cpu-used 2 -pix_fmt yuv420p \
		-b:v "$4k" -minrate "$4k" -maxrate "$4k" -bufsize "$(($4 / 2))k" \
		-g 9999 -keyint_min 9999 -auto-alt-ref 0 -lag-in-frames 0 -error-resilient 1 \
		-ts-parameters "ts_number_layers=3:ts_target_bitrate=$(($4 * 4 / 10)),$(($4 * 6 / 10)),$4:ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3" \
		-flags:v +bitexact "$1.ivf"
}
video q 320 180 150
video h 640 360 500
video f 1280 720 1200

voice="(0.30*sin(2*PI*130*t)+0.22*sin(2*PI*260*t)+0.14*sin(2*PI*520*t)+0.08*sin(2*PI*1040*t)+0.03*sin(2*PI*2080*t))"
syllables="pow(abs(sin(2*PI*2*t)),1.5)*(0.6+0.4*sin(2*PI*0.5*t))"
pauses="lt(mod(t,4),3.2)"
ffmpeg -hide_banner -loglevel error -y -fflags +bitexact \
	-f lavfi -i "aevalsrc='$voice*$syllables*$pauses':sample_rate=48000:duration=8" \
	-c:a libopus -b:a 32k -application voip -frame_duration 20 -flags:a +bitexact speech.ogg
ffmpeg -hide_banner -loglevel error -i speech.ogg \
	-af "asetnsamples=960,astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-" -f null - |
	awk -F= '/RMS_level/ { l = $2 == "-inf" ? 127 : int(-$2 + 0.5); if (l > 127) l = 127; if (l < 0) l = 0; print l }' >speech.levels
